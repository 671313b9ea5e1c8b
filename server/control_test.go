package server

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"echo.tv/server/account"
	"echo.tv/server/guide"
	"echo.tv/server/httpapi"
	"echo.tv/server/live"
	"echo.tv/server/peer"
	"echo.tv/server/store"
	"echo.tv/server/tv"
)

const controlToken = "token-of-this-test"

// runningIn serves the API over the store in dir, announced as a server does.
func runningIn(t *testing.T, dir string) *account.Accounts {
	t.Helper()
	st, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	secret, err := account.LoadSecret(dir)
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := account.Open(st, secret)
	if err != nil {
		t.Fatal(err)
	}
	hub := live.NewHub(live.Config{Log: slog.New(slog.DiscardHandler)})
	api, err := httpapi.New(httpapi.Config{
		Log: slog.New(slog.DiscardHandler), Accounts: accounts, Hub: hub, Guide: guide.New(hub, httpapi.Profiles{Accounts: accounts}, nil),
		Media: http.NotFoundHandler(), Addresses: func() httpapi.Addresses { return httpapi.Addresses{} }, Moved: func() <-chan struct{} { return nil },
		Version: "1.2.3", ControlToken: controlToken, Peers: &peer.Peers{},
	})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(api)
	t.Cleanup(web.Close)
	if err := announce(dir, announcement{URL: web.URL, Token: controlToken}); err != nil {
		t.Fatal(err)
	}
	return accounts
}

func open(t *testing.T, dir string) Control {
	t.Helper()
	c, err := OpenControl(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// manage does with c what the commands do, and checks what both kinds promise.
func manage(t *testing.T, c Control) {
	t.Helper()
	ctx := t.Context()
	olga, err := c.AddUser(ctx, "Olga", "correct horse battery", tv.Owner)
	if err != nil || olga.Name != "olga" || olga.Role != tv.Owner || olga.Password != "" {
		t.Errorf("olga: %+v, %v", olga, err)
	}
	ann, err := c.AddUser(ctx, "ann", "", tv.Streamer)
	if err != nil || len(ann.Password) < 20 {
		t.Errorf("ann: %+v, %v", ann, err)
	}
	if _, err := c.AddUser(ctx, "eve", "correct horse battery", tv.Owner); tv.CodeOf(err) != tv.Conflict {
		t.Errorf("a second owner: %v", err)
	}
	if _, err := c.AddUser(ctx, "eve", "correct horse battery", "emperor"); tv.CodeOf(err) != tv.Invalid {
		t.Errorf("a role that is none: %v", err)
	}
	key, err := c.NewKey(ctx, "ann", "cron")
	if _, bad := tv.ParseStreamKey(key.Reveal()); err != nil || bad != nil {
		t.Errorf("key %v, %v", key, err)
	}
	if _, err := c.NewKey(ctx, "zoe", ""); tv.CodeOf(err) != tv.NotFound {
		t.Errorf("a key for nobody: %v", err)
	}
	if s, err := c.Status(ctx); err != nil || !s.SetUp {
		t.Errorf("status %+v, %v", s, err)
	}
}

func TestCommandsGoToTheRunningServer(t *testing.T) {
	dir := t.TempDir()
	accounts := runningIn(t, dir)
	c := open(t, dir)
	manage(t, c)
	if s, err := c.Status(t.Context()); err != nil || !s.Running || s.Version != "1.2.3" {
		t.Errorf("status %+v, %v", s, err)
	}
	if err := c.Show(t.Context()); tv.CodeOf(err) != tv.NotFound {
		t.Errorf("show without a window: %v", err)
	}
	if _, err := accounts.UserByName("ann"); err != nil {
		t.Errorf("the server does not know ann: %v", err)
	}
}

func TestCommandsOpenTheClosedStore(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	if s, err := c.Status(t.Context()); err != nil || s.Running || s.SetUp {
		t.Errorf("a fresh folder: %+v, %v", s, err)
	}
	manage(t, c)
	if err := c.Show(t.Context()); tv.CodeOf(err) != tv.Unavailable {
		t.Errorf("show: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err := open(t, dir).Status(t.Context()); err != nil || !s.SetUp {
		t.Errorf("opened again: %+v, %v", s, err)
	}
}

// After kill -9 the announcement is still there, and by then another program
// may have the port.
func TestADeadServersAnnouncementIsPassedOver(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for name, file := range map[string]string{
		"nobody listens":     `{"url":"` + closed.URL + `","token":"t"}`,
		"not JSON":           `{"url":"http://127.0.`,
		"empty":              ``,
		"no address":         `{}`,
		"not an address":     `{"url":"::","token":"t"}`,
		"a page":             `{"url":"` + stranger(t, 200, "<html>") + `","token":"t"}`,
		"another echo.tv":    `{"url":"` + stranger(t, 403, `{"code":"forbidden","detail":"no"}`) + `","token":"t"}`,
		"a redirect":         `{"url":"` + stranger(t, 302, "") + `","token":"t"}`,
		"an endless problem": `{"url":"` + stranger(t, 500, strings.Repeat(" ", maxAnswer)+`{"code":"x"}`) + `","token":"t"}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(announcementFile(dir), []byte(file), 0o600); err != nil {
				t.Fatal(err)
			}
			if s, err := open(t, dir).Status(t.Context()); err != nil || s.Running {
				t.Errorf("status %+v, %v", s, err)
			}
		})
	}
}

// stranger is another program that has the port of a dead server.
func stranger(t *testing.T, status int, says string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://127.0.0.1:1/")
		w.WriteHeader(status)
		w.Write([]byte(says))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestAFolderThatIsHeldAndSilentIsAConflict(t *testing.T) {
	dir := t.TempDir()
	st, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if _, err := OpenControl(dir); tv.CodeOf(err) != tv.Conflict {
		t.Errorf("got %v", err)
	}
}

func TestTheAnnouncementIsForItsUserOnlyAndGoesAway(t *testing.T) {
	dir := t.TempDir()
	for _, token := range []string{"first", "second"} { // the second over what a killed server left
		if err := announce(dir, announcement{URL: "http://127.0.0.1:1", Token: token}); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(announcementFile(dir))
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("mode %o", mode)
	}
	retract(dir)
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := announce(filepath.Join(dir, "missing"), announcement{Token: "secret-token"}); err == nil || strings.Contains(err.Error(), "secret-token") {
		t.Errorf("a missing folder: %v", err)
	}
}
