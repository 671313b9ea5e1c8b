package app

import (
	"bufio"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"
)

// BenchmarkStart is the time from the start of the process to its first answer
// to /api/health, for the program without a window.
func BenchmarkStart(b *testing.B) {
	bin := filepath.Join(b.TempDir(), "echotv-server")
	if out, err := exec.Command("go", "build", "-o", bin, "..").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	for b.Loop() {
		startOnce(b, bin, b.TempDir())
	}
}

func startOnce(b *testing.B, bin, dir string) {
	cmd := exec.Command(bin, "--headless", "--no-discovery", "--data", dir, "--http", "127.0.0.1:0", "--rtmp", "127.0.0.1:0", "--rtsp", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		b.StopTimer() // only the start counts
		cmd.Process.Kill()
		cmd.Wait()
		b.StartTimer()
	}()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		found := watchLine.FindStringSubmatch(lines.Text())
		if found == nil {
			continue
		}
		resp, err := http.Get(found[1] + "/api/health")
		if err != nil {
			b.Fatal(err)
		}
		resp.Body.Close()
		return
	}
	b.Fatal("did not start")
}
