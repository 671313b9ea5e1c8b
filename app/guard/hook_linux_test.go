//go:build linux && desktop && !bindings

package guard_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wailsapp/wails/v2"
	"github.com/wailsapp/wails/v2/pkg/options"
	"github.com/wailsapp/wails/v2/pkg/options/assetserver"

	"echo.tv/app/guard"
	"echo.tv/app/windowtest"
)

// trialPage makes this test binary a program with a guarded window at the page
// it names. GTK wants the main goroutine, which a test does not have.
const trialPage = "ECHOTV_TRIAL_PAGE"

func TestMain(m *testing.M) {
	page := os.Getenv(trialPage)
	if page == "" {
		os.Exit(m.Run())
	}
	hook := guard.NewHook(guard.Policy{
		Origins: []string{guard.BootOrigin, page},
		Open:    func(url string) { fmt.Println("opened", url) },
		Died:    func() { fmt.Println("died") },
	})
	boot := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-hook.Installed()
		fmt.Fprintf(w, "<html><head></head><body><script>location.replace(%q)</script></body></html>", page+"/")
	})
	err := wails.Run(&options.App{Width: 800, Height: 600,
		AssetServer: &assetserver.Options{Handler: boot},
		OnStartup:   func(context.Context) { hook.Install() }})
	hook.Remove()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// sirenPage tries every way out that needs no click, then offers a link.
const sirenPage = `<!doctype html><body style="margin:0"><a id="out" href="%[1]s/link"
	style="display:block;height:100vh;background:linear-gradient(orange,purple)">Come here</a>
<script>
	const pause = ms => new Promise(done => setTimeout(done, ms));
	(async () => {
		const frame = document.createElement('iframe');
		frame.src = '%[1]s/frame';
		document.body.append(frame);
		window.open('%[1]s/window');
		await pause(300);
		location.href = '%[1]s/top';
		await pause(300);
		location.href = 'file:///etc/passwd';
		await pause(300);
		frame.remove();
		const sound = new Audio('/silence.wav');
		await sound.play().then(() => fetch('/sound/plays'), e => fetch('/sound/' + e.name));
		await fetch('/tried');
	})();
</script>`

func TestPageCannotLeaveTheWindow(t *testing.T) {
	windowtest.Require(t)
	away := newSite(t, func(http.ResponseWriter, *http.Request) {})
	home := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			fmt.Fprintf(w, sirenPage, away.URL)
		case "/silence.wav":
			w.Header().Set("Content-Type", "audio/wav")
			w.Write(silence())
		}
	})
	t.Setenv(trialPage, home.URL)
	screen := windowtest.NewScreen(t)
	w := windowtest.Start(t, screen, os.Args[0])

	home.await(t, "/tried", 1)
	if home.count("/sound/plays") != 1 {
		t.Error("the page may not start its sound by itself")
	}

	click(t, screen, 400, 300)
	await(t, "the clicked link reaches the system's browser", func() bool {
		return strings.Contains(w.Output(), "opened "+away.URL+"/link")
	})
	if strings.Count(w.Output(), "opened") != 1 {
		t.Error("a script opened the browser without a click")
	}

	killWebProcess(t, w.Pid())
	home.await(t, "/tried", 2) // it came back by itself, through the first page
	if !strings.Contains(w.Output(), "died") {
		t.Error("nobody was told that the web process ended")
	}
	if hits := away.all(); len(hits) != 0 {
		t.Errorf("the window went to %q", hits)
	}
	if code := w.Stop(t); code != 0 {
		t.Errorf("the window ended with code %d", code)
	}
}

// site is a web server that remembers what was asked of it.
type site struct {
	*httptest.Server
	mu   sync.Mutex
	hits []string // guarded by mu
}

func newSite(t *testing.T, h http.HandlerFunc) *site {
	s := &site{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.hits = append(s.hits, r.URL.Path)
		s.mu.Unlock()
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *site) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.hits...)
}

func (s *site) count(path string) (n int) {
	for _, hit := range s.all() {
		if hit == path {
			n++
		}
	}
	return n
}

func (s *site) await(t *testing.T, path string, times int) {
	t.Helper()
	await(t, fmt.Sprintf("%s is asked for %d times", path, times), func() bool { return s.count(path) >= times })
}

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
	}
}

func click(t *testing.T, s *windowtest.Screen, x, y int) {
	t.Helper()
	cmd := exec.Command("xdotool", "mousemove", strconv.Itoa(x), strconv.Itoa(y), "click", "1")
	cmd.Env = append(os.Environ(), s.Env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("click: %v: %s", err, out)
	}
}

// killWebProcess kills the process that draws the page of the program pid.
func killWebProcess(t *testing.T, pid int) {
	t.Helper()
	out, err := exec.Command("pgrep", "-P", strconv.Itoa(pid), "-f", "WebKitWebProcess").Output()
	if err != nil {
		t.Fatalf("no web process under %d: %v", pid, err)
	}
	for _, child := range strings.Fields(string(out)) {
		n, err := strconv.Atoi(child)
		if err != nil {
			t.Fatal(err)
		}
		syscall.Kill(n, syscall.SIGKILL)
	}
}

// silence is a tenth of a second of it: 8-bit mono WAV at 8 kHz.
func silence() []byte {
	const n = 800
	head := "RIFF\x44\x03\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x40\x1f\x00\x00\x01\x00\x08\x00data\x20\x03\x00\x00"
	wav := []byte(head)
	for range n {
		wav = append(wav, 0x80)
	}
	return wav
}
