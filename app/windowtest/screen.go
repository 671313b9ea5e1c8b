// Package windowtest opens the real desktop program on a screen that nobody
// sees (Xvfb), looks at it and closes it. It owns the screen, the session bus
// and the process, and ends all three with the test. What the picture should
// show is the test's business.
//
// Nothing here sleeps for a fixed time: a first page took 1 to 2 s on an idle
// machine and 5 s on a loaded one, so tests poll with See.
package windowtest

import (
	"bufio"
	"bytes"
	"image"
	"image/png"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Tools are the commands that a test of the window needs on the machine.
var Tools = []string{"Xvfb", "dbus-daemon", "import", "xdotool", "pkg-config"}

// Require skips the test on a machine that lacks the tools or the libraries of
// the window; with ECHOTV_TEST_STRICT=1, which `make test` sets after it has
// installed them, it fails instead, so that nothing is skipped unseen.
func Require(t testing.TB) {
	t.Helper()
	missing := ""
	for _, tool := range Tools {
		if _, err := exec.LookPath(tool); err != nil {
			missing += " " + tool
		}
	}
	if exec.Command("pkg-config", "--exists", "gtk+-3.0", "webkit2gtk-4.1").Run() != nil {
		missing += " libwebkit2gtk-4.1-dev"
	}
	if missing == "" {
		return
	}
	if os.Getenv("ECHOTV_TEST_STRICT") == "1" {
		t.Fatal("missing:" + missing)
	}
	t.Skip("no window can be tested here, missing:" + missing)
}

// Screen is a virtual screen with its own session bus.
type Screen struct {
	Env []string // DISPLAY and DBUS_SESSION_BUS_ADDRESS, for a program to appear here
}

// NewScreen makes a screen of 1280 by 900 that lasts as long as the test.
func NewScreen(t testing.TB) *Screen {
	t.Helper()
	display := ":" + helper(t, "Xvfb", "-displayfd", "3", "-screen", "0", "1280x900x24", "-nolisten", "tcp")
	bus := helper(t, "dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=3")
	return &Screen{Env: []string{"DISPLAY=" + display, "DBUS_SESSION_BUS_ADDRESS=" + bus,
		"WAYLAND_DISPLAY=", "XDG_SESSION_TYPE=x11", "GDK_BACKEND=x11"}}
}

// helper starts a program that says on descriptor 3 where it listens, and
// returns what it said.
func helper(t testing.TB, name string, args ...string) string {
	t.Helper()
	said, tell, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	cmd := exec.Command(name, args...)
	cmd.ExtraFiles = []*os.File{tell}
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	err = cmd.Start()
	tell.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		t.Fatalf("%s did not start: %s", name, complaint.String())
	}
	return strings.TrimSpace(line)
}

// Shot returns the screen as it is now.
func (s *Screen) Shot(t testing.TB) image.Image {
	t.Helper()
	cmd := exec.Command("import", "-window", "root", "png:-")
	cmd.Env = append(os.Environ(), s.Env...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("screenshot: %v: %s", err, complaint.String())
	}
	img, err := png.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatalf("screenshot: %v", err)
	}
	return img
}
