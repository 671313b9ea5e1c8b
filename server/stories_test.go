package server_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"echo.tv/server/servertest"
)

// TestStories plays the scripts in testdata/stories against the real program:
// what a person can do, told in the words of people_test.go. Each script has a
// host of its own.
func TestStories(t *testing.T) {
	servertest.NeedTool(t, "ffmpeg")
	program := build(t)
	servertest.SmallClip.File(t) // once, before many want it
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/stories",
		Cmds:                words,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Dir(program)+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("ECHOTV_DISCOVERY", "false")
			env.Setenv("DATA", filepath.Join(env.WorkDir, "data"))
			env.Setenv("ECHOTV_DATA", filepath.Join(env.WorkDir, "data"))
			s := newStage(t, env)
			env.Values[stageKey{}] = s
			env.Defer(s.clear)
			return nil
		},
	})
}

// build returns the headless program, built as make server does.
func build(t *testing.T) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "echotv")
	cmd := exec.Command("go", "build", "-o", out, "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, strings.TrimSpace(string(msg)))
	}
	return out
}
