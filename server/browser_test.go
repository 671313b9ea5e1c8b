package server_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"echo.tv/server"
	"echo.tv/server/servertest"
)

// journey is a script of frontend/e2e that drives Chromium. It says where it is
// and waits for a word to go on.
type journey struct {
	t    *testing.T
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Scanner
	tail []byte
}

func start(t *testing.T, script string, args ...string) *journey {
	t.Helper()
	return startWith(t, exec.Command, script, args...)
}

// startWith is start on a machine that has a command of its own.
func startWith(t *testing.T, command func(string, ...string) *exec.Cmd, script string, args ...string) *journey {
	t.Helper()
	servertest.NeedTool(t, "node")
	servertest.NeedTool(t, "chromium")
	j := &journey{t: t, cmd: command("node", append([]string{filepath.Join("..", "frontend", "e2e", script)}, args...)...)}
	j.cmd.Stdout = nil // a Machine's writes into its log
	out, err := j.cmd.StdoutPipe()
	if err == nil {
		j.in, err = j.cmd.StdinPipe()
	}
	if err != nil {
		t.Fatal(err)
	}
	j.cmd.Stderr = os.Stderr
	if err := j.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	j.out = bufio.NewScanner(out)
	t.Cleanup(func() { j.in.Close(); j.cmd.Process.Kill(); j.cmd.Wait() })
	return j
}

// reaches waits until the journey says that it is there, and returns its facts.
func (j *journey) reaches(place string) map[string]any {
	j.t.Helper()
	var facts map[string]any
	if !j.out.Scan() || json.Unmarshal(j.out.Bytes(), &facts) != nil || facts["at"] != place {
		j.t.Fatalf("the journey did not reach %q: %q", place, j.out.Text())
	}
	return facts
}

func (j *journey) goOn() { fmt.Fprintln(j.in, "go") }

// builtUI returns the interface that make ui made.
func builtUI(t *testing.T) func(*server.Config) {
	t.Helper()
	dist := os.DirFS(filepath.Join("..", "frontend", "dist"))
	if f, err := dist.Open("index.html"); err != nil {
		if os.Getenv("ECHOTV_TEST_STRICT") != "" {
			t.Fatal("the interface is not built")
		}
		t.Skip("the interface is not built; make test builds it")
	} else {
		f.Close()
	}
	return func(c *server.Config) { c.UI = dist }
}

func TestAViewerInChromiumSeesTheStreamComeGoAndReturn(t *testing.T) {
	h := servertest.Start(t, builtUI(t))
	ann := h.Owner(t, "ann")
	key, err := ann.NewKey("desktop")
	if err != nil {
		t.Fatal(err)
	}
	clip := servertest.SmallClip
	clip.BFrames = 2 // OBS's default
	clip.File(t)

	j := start(t, "viewer.mjs", h.URL, "ann")
	j.reaches("home")
	obs := servertest.Publish(t, clip, h.RTMP+"/"+key.Secret)
	j.goOn()
	t.Logf("picture %.1f s after the click", j.reaches("playing")["seconds"])
	seen := j.reaches("watched")
	t.Logf("the page says %q", seen["delay"])
	if seen["muted"] != true {
		t.Error("the page plays with sound before anybody asked for it")
	}
	if e, err := ann.Channel("ann"); err != nil || e.Viewers != 1 {
		t.Errorf("one viewer counts as %d (%v)", e.Viewers, err)
	}
	obs.Stop()
	j.goOn()
	j.reaches("offline")
	servertest.Publish(t, clip, h.RTMP+"/"+key.Secret)
	j.goOn()
	back := j.reaches("back")
	if errs, _ := back["errors"].([]any); len(errs) > 0 {
		t.Errorf("the page complained: %v", errs)
	}
	if n := h.Recovered(); n > 0 {
		t.Errorf("%d handlers failed", n)
	}
	if leak := servertest.Leaks(key.Secret, h.Log.String()); leak != "" {
		t.Error("the key is in the log")
	}
}
