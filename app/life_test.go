package app

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// station is the program running in this process, without a window.
type station struct {
	stdout, stderr saying
	watch          string // its address for browsers
	stop           func() int
}

var watchLine = regexp.MustCompile(`Watch +(http://\S+)`)

// start runs the program with the data folder dir on ports of its choice until
// the test ends, or stop is called, which returns its exit code.
func start(t *testing.T, dir string, args ...string) *station {
	t.Helper()
	s := &station{}
	p := testProcess(nil, nil, append([]string{"--headless", "--no-discovery", "--data", dir, "--http", "127.0.0.1:0",
		"--rtmp", "127.0.0.1:0", "--rtsp", "127.0.0.1:0"}, args...)...)
	p.stdout, p.stderr = &s.stdout, &s.stderr
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() { ended <- p.main(ctx) }()
	s.stop = sync.OnceValue(func() int { cancel(); return <-ended })
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			t.Logf("the station's log:\n%s", s.stderr.String())
		}
	})

	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if found := watchLine.FindStringSubmatch(s.stdout.String()); found != nil {
			s.watch = found[1]
			return s
		}
		select {
		case code := <-ended:
			ended <- code
			t.Fatalf("ended with code %d: %s", code, s.stderr.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("does not start: %s", s.stderr.String())
		}
	}
}

// saying collects what the program writes.
type saying struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (s *saying) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(b)
}

func (s *saying) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

func TestStationAnswersWhereItSaysUntilItIsTold(t *testing.T) {
	s := start(t, t.TempDir())
	resp, err := http.Get(s.watch + "/api/health")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("health: %s", resp.Status)
	}
	if code := s.stop(); code != exitOK {
		t.Errorf("exit code %d: %s", code, s.stderr.String())
	}
	if _, err := net.DialTimeout("tcp", strings.TrimPrefix(s.watch, "http://"), time.Second); err == nil {
		t.Error("the port is still open")
	}
}

func TestSecondStartOnTheSameDataSaysSo(t *testing.T) {
	dir := t.TempDir()
	start(t, dir)
	code, out, log := echotv(t, "--headless", "--no-discovery", "--data", dir, "--http", "127.0.0.1:0", "--rtmp", "127.0.0.1:0")
	if code != exitRunning || out != "" || strings.Count(log, "\n") != 1 {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, out, log)
	}
}

func TestBusyPortIsNamedWithItsFlag(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for _, flag := range []string{"--http", "--rtmp"} {
		args := []string{"--headless", "--no-discovery", "--data", t.TempDir(), "--http", "127.0.0.1:0", "--rtmp", "127.0.0.1:0"}
		code, out, log := echotv(t, append(args, flag, busy.Addr().String())...)
		if code != exitFailed || out != "" || strings.Count(log, "\n") != 1 || !strings.Contains(log, flag) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", flag, code, out, log)
		}
	}
}

func TestSetUpCodeIsPrintedAndNeverLogged(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir, "--log-level", "debug")
	found := regexp.MustCompile(`#claim=(\S+)`).FindStringSubmatch(s.stdout.String())
	if found == nil {
		t.Fatalf("no way to become the owner in %q", s.stdout.String())
	}
	if _, out, _ := echotv(t, "status", "--data", dir); !strings.Contains(out, "#claim=") {
		t.Errorf("status does not say it again: %q", out)
	}
	s.stop()
	if strings.Contains(s.stderr.String(), found[1]) {
		t.Error("the code is in the log")
	}
	if code, _, log := echotv(t, "user", "add", "ann", "--role", "owner", "--data", dir); code != exitOK {
		t.Fatal(log)
	}
	if s := start(t, dir); strings.Contains(s.stdout.String(), "claim") {
		t.Errorf("an owned host still offers itself: %q", s.stdout.String())
	}
}

func TestHostWithoutAWindowManagesByCommand(t *testing.T) {
	dir := t.TempDir()
	key := regexp.MustCompile(`^live_[a-z2-7]{32}\n$`)
	expect := func(what string, want int, args ...string) string {
		t.Helper()
		code, out, log := echotv(t, append(args, "--data", dir)...)
		if code != want || (code != exitOK) != (strings.Count(log, "\n") == 1) {
			t.Fatalf("%s: exit code %d, stdout %q, stderr %q", what, code, out, log)
		}
		return out
	}
	deeds := func(name, where string) {
		t.Helper()
		out := expect("add "+where, exitOK, "user", "add", name)
		if !strings.Contains(out, name+" is now streamer") || !strings.Contains(out, "password ") {
			t.Errorf("user add %s said %q", where, out)
		}
		if out := expect("key "+where, exitOK, "key", "new", name, "--label", "Laptop"); !key.MatchString(out) {
			t.Errorf("key new %s said %q", where, out)
		}
		expect("the name again "+where, exitFailed, "user", "add", name)
		expect("key for nobody "+where, exitFailed, "key", "new", "nobody")
		expect("a name that is none "+where, exitUsage, "user", "add", "no name")
	}

	deeds("ann", "on the closed store")
	expect("status of nothing", exitFailed, "status")
	s := start(t, dir, "--log-level", "debug")
	deeds("bob", "on the running host")
	if out := expect("status", exitOK, "status"); !strings.Contains(out, s.watch) || !strings.Contains(out, "Nobody is on air") {
		t.Errorf("status said %q", out)
	}
	s.stop()
	if strings.Contains(s.stderr.String(), "live_") {
		t.Error("a key is in the log")
	}
}
