//go:build linux || darwin

package store

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The tests here need a process of their own to kill, starve or trace: the test
// binary again, told by childRole what to be.
const (
	childRole = "ECHOTV_STORE_CHILD"
	childDir  = "ECHOTV_STORE_DIR"
)

func TestMain(m *testing.M) {
	switch os.Getenv(childRole) {
	case "":
		os.Exit(m.Run())
	case "write":
		writeForEver(os.Getenv(childDir))
	case "starve":
		starve(os.Getenv(childDir))
	}
}

func child(t *testing.T, role, dir string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childRole+"="+role, childDir+"="+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

// writeForEver acknowledges each write on standard output, after it.
func writeForEver(dir string) {
	s, err := Open(dir)
	if err != nil {
		fmt.Println("no:", err)
		os.Exit(1)
	}
	for n := 0; ; n++ {
		if err := put(s, strconv.Itoa(n), strings.Repeat("x", n%3000)); err != nil {
			fmt.Println("no:", err)
			os.Exit(1)
		}
		fmt.Println(n)
	}
}

func TestEveryAcknowledgedWriteOutlivesAKill(t *testing.T) {
	dir := t.TempDir()
	for round := range 5 {
		// Each round begins anew in the numbers and on top of the file of the last.
		cmd := child(t, "write", dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		last := -1
		for lines.Scan() {
			if last, err = strconv.Atoi(lines.Text()); err != nil {
				t.Fatalf("the child says %q", lines.Text())
			}
			if last == 40+7*round { // somewhere in the middle of the next write
				time.Sleep(time.Duration(round) * 300 * time.Microsecond)
				cmd.Process.Kill()
			}
		}
		cmd.Wait()
		if last < 40 {
			t.Fatalf("only %d writes were acknowledged", last+1)
		}
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if s.Notice() != "" {
			t.Errorf("a kill damaged the file: %s", s.Notice())
		}
		for n := 1; n <= last; n++ {
			if got := text(t, s, strconv.Itoa(n)); len(got) != n%3000 {
				t.Errorf("round %d: write %d of %d is lost", round, n, last)
			}
		}
		s.Close()
	}
}

// A kill proves little about a power cut, because the page cache survives it. So
// count what does: two syncs a commit, one for the pages and one for the meta
// page that makes them count.
func TestEachWriteIsSyncedTwice(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	dir, log := t.TempDir(), filepath.Join(t.TempDir(), "strace")
	cmd := child(t, "write", dir)
	cmd.Args = []string{strace, "-f", "-qq", "-e", "trace=fsync,fdatasync,write", "-o", log, cmd.Path}
	cmd.Path = strace
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skip("strace does not start here:", err)
	}
	lines := bufio.NewScanner(out)
	last := -1
	for last < 50 && lines.Scan() {
		last, _ = strconv.Atoi(lines.Text())
	}
	cmd.Process.Kill()
	cmd.Wait()
	if last < 50 {
		t.Skip("strace may not trace here")
	}
	trace, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	_, trace0, _ := strings.Cut(string(trace), `write(1, "0\n"`)
	trace1, _, found := strings.Cut(trace0, `write(1, "50\n"`)
	syncs := strings.Count(trace1, "sync(")
	if !found || syncs < 100 {
		t.Errorf("50 acknowledged writes with %d syncs", syncs)
	}
}
