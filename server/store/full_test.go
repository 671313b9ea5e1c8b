//go:build linux || darwin

package store

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"echo.tv/server/tv"
)

// starve limits the size of every file this process writes, which stands for a
// full disk and needs no root, writes until it is refused, lifts the limit and
// writes again. It prints how many writes were acknowledged.
func starve(dir string) {
	err := func() error {
		s, err := Open(dir)
		if err != nil {
			return err
		}
		defer s.Close()
		limit := func(bytes uint64) error {
			return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: 1 << 40})
		}
		if err := limit(256 << 10); err != nil {
			return fmt.Errorf("skip: %w", err)
		}
		kept := 0
		for ; kept < 1000; kept++ {
			if err = put(s, strconv.Itoa(kept), strings.Repeat("x", 10_000)); err != nil {
				break
			}
		}
		if tv.CodeOf(err) != tv.Storage {
			return fmt.Errorf("after %d writes: got %w, want a storage error", kept, err)
		}
		if err := s.View(func(tx *Tx) error { _, _, err := notes.Get(tx, "0"); return err }); err != nil {
			return fmt.Errorf("reading on a full disk: %w", err)
		}
		if err := limit(1 << 40); err != nil {
			return err
		}
		if err := put(s, "later", "works"); err != nil {
			return fmt.Errorf("with space again: %w", err)
		}
		fmt.Println(kept)
		return nil
	}()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func TestFullDiskRefusesKeepsAndRecovers(t *testing.T) {
	dir := t.TempDir()
	out, err := child(t, "starve", dir).Output()
	said := strings.TrimSpace(string(out))
	if strings.HasPrefix(said, "skip") {
		t.Skip("file sizes cannot be limited here:", said)
	}
	kept, bad := strconv.Atoi(said)
	if err != nil || bad != nil || kept == 0 {
		t.Fatalf("the child says %q, %v", said, err)
	}
	s := mustOpen(t, dir)
	for n := range kept {
		if text(t, s, strconv.Itoa(n)) == "" {
			t.Errorf("acknowledged write %d is lost", n)
		}
	}
	if text(t, s, strconv.Itoa(kept)) != "" {
		t.Error("the refused write is there")
	}
	if text(t, s, "later") != "works" {
		t.Error("the write after the full disk is lost")
	}
}
