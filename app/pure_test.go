//go:build !desktop

package app

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestUntaggedBuildIsPureGoAndKnowsNoWindow(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{if .CgoFiles}} cgo{{end}}{{end}}", "echo.tv")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1") // show what would use C if it could
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "wails") || strings.Contains(line, " cgo") {
			t.Errorf("the server is built from %s", line)
		}
	}
	if !strings.Contains(string(out), "echo.tv/server\n") {
		t.Errorf("go list answered %q", out)
	}
}
