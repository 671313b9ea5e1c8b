package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"echo.tv/server/tv"
)

func writeStep(key string) step {
	return func(tx *bolt.Tx) error { return notes.Put(&Tx{tx}, key, note{"migrated"}) }
}

func TestMissingStepsRunInOrderAndOnce(t *testing.T) {
	dir := t.TempDir()
	mustPutAndClose(t, dir)
	copyOne := func(tx *bolt.Tx) error {
		n, found, err := notes.Get(&Tx{tx}, "two")
		if !found {
			return errors.New("step 3 ran before step 2")
		}
		return errors.Join(err, notes.Put(&Tx{tx}, "three", n))
	}
	for range 2 {
		s, err := open(dir, append(steps[:1:1], writeStep("two"), copyOne))
		if err != nil {
			t.Fatal(err)
		}
		if text(t, s, "three") != "migrated" || text(t, s, "mine") != "kept" || schemaOf(s.db) != 3 {
			t.Error("the store is not what the steps make of it")
		}
		mustPut(t, s, "two", "mine now")
		s.Close()
	}
}

func mustPutAndClose(t *testing.T, dir string) {
	t.Helper()
	s := mustOpen(t, dir)
	mustPut(t, s, "mine", "kept")
	s.Close()
}

func TestFailedStepLeavesTheOldFile(t *testing.T) {
	dir := t.TempDir()
	mustPutAndClose(t, dir)
	before, _ := os.ReadFile(filepath.Join(dir, fileName))
	broken := func(*bolt.Tx) error { return errors.New("cannot make sense of this") }
	_, err := open(dir, append(steps[:1:1], writeStep("two"), broken))
	if tv.CodeOf(err) != tv.Storage || !strings.Contains(err.Error(), "step to schema 3") {
		t.Errorf("got %v", err)
	}
	after, _ := os.ReadFile(filepath.Join(dir, fileName))
	if !bytes.Equal(before, after) {
		t.Error("the old file was touched")
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("left behind: %v", left)
	}
	mustOpen(t, dir)
}

func TestNewerFileIsRefusedUntouched(t *testing.T) {
	dir := t.TempDir()
	s, err := open(dir, append(steps[:1:1], writeStep("two")))
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	file := filepath.Join(dir, fileName)
	before, _ := os.ReadFile(file)
	when := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(file, when, when); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); !errors.Is(err, ErrNewer) || tv.CodeOf(err) != tv.Storage {
		t.Errorf("got %v", err)
	}
	after, _ := os.ReadFile(file)
	if info, _ := os.Stat(file); !bytes.Equal(before, after) || !info.ModTime().Equal(when) {
		t.Error("the file was touched")
	}
}

func TestWhatAKilledMigrationLeftIsSweptAway(t *testing.T) {
	dir := t.TempDir()
	mustPutAndClose(t, dir)
	left := filepath.Join(dir, fileName+tempMark+"123")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, dir)
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
	if text(t, s, "mine") != "kept" {
		t.Error("the store lost a note")
	}
}
