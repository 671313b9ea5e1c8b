//go:build linux && desktop && !bindings

package app_test

import (
	"encoding/json"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"echo.tv/app/windowtest"
)

// anyPorts lets stations of parallel tests live beside each other.
var anyPorts = []string{"--http", "127.0.0.1:0", "--rtmp", "127.0.0.1:0", "--rtsp", "127.0.0.1:0"}

func TestWindowShowsTheProductAndEndsInOrder(t *testing.T) {
	windowtest.Require(t)
	bin := windowtest.Build(t, "..")
	w := windowtest.Start(t, windowtest.NewScreen(t), bin, anyPorts...)
	w.See(t, windowtest.APage)

	var health struct{ Status string }
	resp, err := http.Get(w.Await(t, `Watch +(http://\S+)`) + "/api/health")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&health); err != nil || health.Status != "ok" {
		t.Errorf("health %+v, %v", health, err)
	}

	again := exec.Command(bin, append(anyPorts, "--data", w.Home+"/.local/share/echotv")...)
	again.Env = append(again.Environ(), w.Env...)
	if out, _ := again.CombinedOutput(); again.ProcessState.ExitCode() != 3 || strings.Count(string(out), "\n") != 1 {
		t.Errorf("a second start ended with code %d and said %q", again.ProcessState.ExitCode(), out)
	}

	if code := w.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestWindowSaysWhyThereIsNoStation(t *testing.T) {
	windowtest.Require(t)
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	w := windowtest.Start(t, windowtest.NewScreen(t), windowtest.Build(t, ".."), append(anyPorts, "--http", busy.Addr().String())...)
	w.Await(t, `(echotv: .*--http)`) // in the terminal at once, not when the window is closed
	w.See(t, windowtest.APage)
	if code := w.Stop(t); code != 1 || strings.Count(w.Output(), "echotv: ") != 1 {
		t.Errorf("exit code %d", code)
	}
}

func TestUselessDisplayLeavesAServer(t *testing.T) {
	windowtest.Require(t)
	screen := &windowtest.Screen{Env: []string{"DISPLAY=:64999", "WAYLAND_DISPLAY=", "GDK_BACKEND=x11"}}
	w := windowtest.Start(t, screen, windowtest.Build(t, ".."), anyPorts...)
	w.Await(t, `(going on without a window)`)
	resp, err := http.Get(w.Await(t, `Watch +(http://\S+)`) + "/api/health")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if code := w.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
