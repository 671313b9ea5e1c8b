package store

import (
	"os"
	"path/filepath"
	"testing"

	"echo.tv/server/tv"
)

func TestWritableAsksTheDiskAndLeavesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	before, _ := os.ReadDir(dir)
	if err := s.Writable(); err != nil {
		t.Error(err)
	}
	if after, _ := os.ReadDir(dir); len(after) != len(before) {
		t.Errorf("it left %v", after)
	}
	if s.Size() <= 0 {
		t.Errorf("%d bytes", s.Size())
	}
	if err := os.Rename(dir, dir+"-gone"); err != nil { // as a disk that was pulled; root may write anywhere else
		t.Skip(err)
	}
	if err := s.Writable(); tv.CodeOf(err) != tv.Storage {
		t.Errorf("without a folder: %v", err)
	}
	if n := s.Size(); n != 0 {
		t.Errorf("a file that cannot be seen has %d bytes", n)
	}
}
