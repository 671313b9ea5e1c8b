package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"echo.tv/server/tv"
)

// withCopy makes a store with a hundred notes and one copy, closes it, and
// returns its folder and its file.
func withCopy(t *testing.T) (dir, file string) {
	t.Helper()
	dir = t.TempDir()
	s := mustOpen(t, dir)
	err := s.Update(func(tx *Tx) error {
		for n := range 100 {
			if err := notes.Put(tx, fmt.Sprintf("note %03d", n), note{strings.Repeat("text ", 50)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.copyWhenDue(); err != nil {
		t.Fatal(err)
	}
	s.Close()
	return dir, filepath.Join(dir, fileName)
}

func damage(t *testing.T, file string, how func([]byte) []byte) []byte {
	t.Helper()
	sound, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	broken := how(bytes.Clone(sound))
	if err := os.WriteFile(file, broken, 0o600); err != nil {
		t.Fatal(err)
	}
	return broken
}

func fill(b []byte, with byte) []byte {
	for i := range b {
		b[i] = with
	}
	return b
}

var damages = map[string]func([]byte) []byte{
	"cut in half":         func(b []byte) []byte { return b[:len(b)/2] },
	"cut inside a page":   func(b []byte) []byte { return b[:3*4096+100] },
	"one byte":            func(b []byte) []byte { return b[:1] },
	"all zero":            func(b []byte) []byte { return fill(b, 0) },
	"all ones":            func(b []byte) []byte { return fill(b, 0xff) },
	"data all zero":       func(b []byte) []byte { fill(b[2*4096:], 0); return b },
	"data all ones":       func(b []byte) []byte { fill(b[2*4096:], 0xff); return b },
	"both metas wrong":    func(b []byte) []byte { fill(b[:2*4096], 7); return b },
	"a text":              func([]byte) []byte { return []byte(strings.Repeat("dear diary\n", 5000)) },
	"another data format": func([]byte) []byte { return append([]byte("SQLite format 3\x00"), make([]byte, 1<<16)...) },
}

func TestDamagedFileIsKeptAsideAndTheCopyRestored(t *testing.T) {
	for name, how := range damages {
		t.Run(name, func(t *testing.T) {
			dir, file := withCopy(t)
			broken := damage(t, file, how)
			s := mustOpen(t, dir)
			if text(t, s, "note 042") == "" {
				t.Error("the copy is not in its place")
			}
			kept, _ := filepath.Glob(file + ".damaged-*")
			if len(kept) != 1 {
				t.Fatalf("damaged files kept: %v", kept)
			}
			if b, _ := os.ReadFile(kept[0]); !bytes.Equal(b, broken) {
				t.Error("the damaged file is not what it was")
			}
			if n := s.Notice(); !strings.Contains(n, file) || !strings.Contains(n, kept[0]) {
				t.Errorf("the notice does not tell both files: %q", n)
			}
			mustPut(t, s, "after", "works")
		})
	}
}

func TestDamagedFileWithoutACopyStaysWhereItIs(t *testing.T) {
	for name, how := range damages {
		t.Run(name, func(t *testing.T) {
			dir, file := withCopy(t)
			os.Remove(file + ".copy-1")
			broken := damage(t, file, how)
			for range 2 { // the second try tells the same, and not that the lock is still held
				_, err := Open(dir)
				if tv.CodeOf(err) != tv.Storage || !strings.Contains(err.Error(), file) {
					t.Fatalf("want a storage error that names the file, got %v", err)
				}
			}
			if b, _ := os.ReadFile(file); !bytes.Equal(b, broken) {
				t.Error("the damaged file was touched")
			}
		})
	}
}

// Any 64 bytes of the file may rot. What Open lets pass must be usable, and
// whatever it finds must not end the process: a fault in bbolt's own goroutine
// would.
func TestRottenBytesNeverEndTheProcess(t *testing.T) {
	dir, file := withCopy(t)
	sound, _ := os.ReadFile(file)
	rnd := rand.New(rand.NewPCG(1, 2))
	restored := 0
	for range 150 {
		rotten := bytes.Clone(sound)
		at := rnd.IntN(len(rotten)/4096) * 4096 // the head of a page, where it hurts most
		if rnd.IntN(2) == 0 {
			at = rnd.IntN(len(rotten) - 64)
		}
		for i := range 1 + rnd.IntN(64) {
			rotten[at+i] = byte(rnd.Uint32())
		}
		os.WriteFile(file, rotten, 0o600)
		s, err := Open(dir)
		if err != nil {
			t.Fatalf("rot at byte %d: %v", at, err)
		}
		if s.Notice() != "" {
			restored++
		}
		err = s.View(func(tx *Tx) error { return notes.Each(tx, "", func(string, note) error { return nil }) })
		if err != nil && !strings.Contains(err.Error(), "cannot be read") { // rot inside a value
			t.Errorf("rot at byte %d: %v", at, err)
		}
		s.Close()
		kept, _ := filepath.Glob(file + ".damaged-*")
		for _, f := range kept {
			os.Remove(f)
		}
	}
	t.Logf("%d of 150 were found out by Open", restored)
	if restored == 0 {
		t.Error("no rot was ever found")
	}
}

func TestMissingOrEmptyFileComesBackFromItsCopy(t *testing.T) {
	for name, lose := range map[string]func(file string) error{
		"missing": os.Remove,
		"empty":   func(file string) error { return os.Truncate(file, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			dir, file := withCopy(t)
			if err := lose(file); err != nil {
				t.Fatal(err)
			}
			s := mustOpen(t, dir)
			if text(t, s, "note 042") == "" || s.Notice() == "" {
				t.Errorf("not restored, notice %q", s.Notice())
			}
		})
	}
}

func TestRestorePassesOverADamagedCopy(t *testing.T) {
	dir, file := withCopy(t)
	if err := os.WriteFile(file+".copy-2", fill(make([]byte, 1<<15), 9), 0o600); err != nil {
		t.Fatal(err)
	}
	damage(t, file, damages["all ones"])
	s := mustOpen(t, dir)
	if text(t, s, "note 042") == "" {
		t.Error("the older copy is not in its place")
	}
	if _, err := os.Stat(file + ".copy-2.damaged-copy"); err != nil {
		t.Errorf("the damaged copy was not kept aside: %v", err)
	}
}

func TestFaultWhileReadingIsAStorageErrorAndNoCrash(t *testing.T) {
	dir, file := withCopy(t)
	s := mustOpen(t, dir)
	if err := os.Truncate(file, 4096); err != nil { // as a disk that lost its pages does, under the memory map
		t.Fatal(err)
	}
	for range 2 {
		err := s.View(func(tx *Tx) error { return notes.Each(tx, "", func(string, note) error { return nil }) })
		if tv.CodeOf(err) != tv.Storage {
			t.Errorf("reading: got %v", err)
		}
	}
	if err := put(s, "a", "b"); tv.CodeOf(err) != tv.Storage {
		t.Errorf("writing: got %v", err)
	}
	if err := s.Close(); err != nil { // and it does not wait for bbolt's locks
		t.Errorf("closing: %v", err)
	}
}

func TestFolderThatCannotBeMadeIsAStorageError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "sub"), "\x00"} {
		if _, err := Open(dir); tv.CodeOf(err) != tv.Storage {
			t.Errorf("%q: got %v", dir, err)
		}
	}
}
