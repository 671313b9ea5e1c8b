package app

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"echo.tv/server"
	"echo.tv/server/tv"
)

func TestExitCodesTellScriptsWhatHappened(t *testing.T) {
	cases := []struct {
		name string
		err  error
		code int
	}{
		{"all went well", nil, 0},
		{"anything", errors.New("disk on fire"), 1},
		{"nobody has that name", tv.Errorf(tv.NotFound, "nobody is called ann"), 1},
		{"a name is taken", tv.Errorf(tv.Conflict, "ann exists"), 1},
		{"a mistake in the command", usage(errors.New("unknown flag")), 2},
		{"a name that cannot be one", tv.Errorf(tv.Invalid, "not a name"), 2},
		{"already running", explainStart(t.Context(), t.TempDir(), fmt.Errorf("open: %w", server.ErrRunning)), 3},
		{"newer store", explainStart(t.Context(), t.TempDir(), fmt.Errorf("open: %w", server.ErrNewerStore)), 4},
		{"port in use", explainStart(t.Context(), t.TempDir(), tv.Errorf(tv.Conflict, "port 1935 is taken")), 1},
	}
	for _, c := range cases {
		if got := exitCode(c.err); got != c.code {
			t.Errorf("%s: exit code %d, want %d", c.name, got, c.code)
		}
	}
}

func TestAnErrorIsOneLineWithWhatToDo(t *testing.T) {
	var b strings.Builder
	complain(&b, errors.Join(errors.New("cannot start"), tv.Errorf(tv.Storage, "no room\r\nleft").Hint("free some space")))
	if b.String() != "echotv: cannot start; no room; left (free some space)\n" {
		t.Errorf("%q", b.String())
	}
}

func TestWindowOpensOnlyWhereThereIsAScreen(t *testing.T) {
	none := func(string) string { return "" }
	x := func(name string) string { return map[string]string{"DISPLAY": ":0"}[name] }
	wayland := func(name string) string { return map[string]string{"WAYLAND_DISPLAY": "wayland-0"}[name] }
	cases := []struct {
		name     string
		headless bool
		goos     string
		env      func(string) string
		want     bool
	}{
		{"X", false, "linux", x, true},
		{"Wayland", false, "linux", wayland, true},
		{"a server", false, "linux", none, false},
		{"told not to", true, "linux", x, false},
		{"macOS", false, "darwin", none, true},
	}
	for _, c := range cases {
		if got := opensWindow(c.headless, c.goos, c.env); got != (c.want && hasWindow) {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
