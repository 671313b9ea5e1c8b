package windowtest

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long See and Stop wait. The slowest page seen took 11 s, on a
// machine whose two cores were compiling.
const patience = 60 * time.Second

// Window is the running desktop program.
type Window struct {
	*Screen
	Home   string // its HOME, empty at the start
	cmd    *exec.Cmd
	output *output
	ended  chan struct{} // closed when the process is gone
}

// Build compiles the desktop program of the module at root, as `make desktop`
// does, and returns its path. The second call in a process is a link.
func Build(t testing.TB, root string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "echotv")
	cmd := exec.Command("go", "build", "-tags", "desktop,production,webkit2_41", "-o", bin, ".")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the window: %v\n%s", err, out)
	}
	return bin
}

// Start runs bin on s with an empty home. It is killed at the end of the test
// if it still runs.
func Start(t testing.TB, s *Screen, bin string, args ...string) *Window {
	t.Helper()
	w := &Window{Screen: s, Home: t.TempDir(), output: &output{}, ended: make(chan struct{})}
	w.cmd = exec.Command(bin, args...)
	w.cmd.Env = append(os.Environ(), s.Env...)
	w.cmd.Env = append(w.cmd.Env, "HOME="+w.Home, "XDG_DATA_HOME="+w.Home+"/.local/share",
		"XDG_CONFIG_HOME="+w.Home+"/.config", "XDG_CACHE_HOME="+w.Home+"/.cache")
	w.cmd.Stdout, w.cmd.Stderr = w.output, w.output
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { w.cmd.Wait(); close(w.ended) }()
	t.Cleanup(func() {
		w.cmd.Process.Kill()
		<-w.ended
		if t.Failed() {
			t.Logf("the program said:\n%s", w.Output())
		}
	})
	return w
}

// See looks at the screen until missing returns "". Otherwise the last answer
// fails the test, and the last picture is kept beside the other artifacts.
func (w *Window) See(t testing.TB, missing func(image.Image) string) image.Image {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		img := w.Shot(t)
		why := missing(img)
		if why == "" {
			return img
		}
		select {
		case <-w.ended:
			t.Fatalf("the program ended with code %d before it showed this: %s", w.cmd.ProcessState.ExitCode(), why)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s (picture: %s)", why, keep(t, img))
		}
	}
}

// Await waits until the program has written something that matches pattern,
// and returns its first group.
func (w *Window) Await(t testing.TB, pattern string) string {
	t.Helper()
	what := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if found := what.FindStringSubmatch(w.Output()); len(found) > 1 {
			return found[1]
		}
		if time.Now().After(deadline) {
			t.Fatalf("the program did not say %s", pattern)
		}
	}
}

// Pid is the process id of the program.
func (w *Window) Pid() int { return w.cmd.Process.Pid }

// Output is what the program wrote so far, on both streams.
func (w *Window) Output() string { return w.output.String() }

// Stop asks the program to end, as a service manager would, and returns its
// exit code. Let it show its page first: GTK may miss a signal before that.
func (w *Window) Stop(t testing.TB) int {
	t.Helper()
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	return w.Wait(t)
}

// Wait returns the exit code of the program once it ended.
func (w *Window) Wait(t testing.TB) int {
	t.Helper()
	select {
	case <-w.ended:
		return w.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		t.Fatal("the program does not end")
		return -1
	}
}

func keep(t testing.TB, img image.Image) string {
	file, err := os.CreateTemp("", "echotv-window-*.png")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := png.Encode(file, img); err != nil {
		t.Fatal(err)
	}
	return file.Name()
}

// output collects what two writers say.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
