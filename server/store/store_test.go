package store

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"echo.tv/server/tv"
)

type note struct{ Text string }

var notes = NewBucket[note]("notes")

// mustOpen opens a store that the end of the test closes.
func mustOpen(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func put(s *Store, key, text string) error {
	return s.Update(func(tx *Tx) error { return notes.Put(tx, key, note{text}) })
}

func mustPut(t *testing.T, s *Store, key, text string) {
	t.Helper()
	if err := put(s, key, text); err != nil {
		t.Fatal(err)
	}
}

// text returns what key holds, and "" for nothing.
func text(t *testing.T, s *Store, key string) string {
	t.Helper()
	var n note
	err := s.View(func(tx *Tx) (err error) {
		n, _, err = notes.Get(tx, key)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n.Text
}

func TestWhatWasPutIsThereAfterReopening(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := mustOpen(t, dir)
	id := s.ID()
	mustPut(t, s, "one", "first")
	mustPut(t, s, "one", "second")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir)
	if got := text(t, s, "one"); got != "second" {
		t.Errorf("got %q after reopening", got)
	}
	if len(id) != 32 || s.ID() != id {
		t.Errorf("the id went from %q to %q", id, s.ID())
	}
	if s.Notice() != "" {
		t.Errorf("a healthy store has a notice: %s", s.Notice())
	}
}

func TestFolderAndFilesAreForTheirUserOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes; the profile folder guards itself")
	}
	dir := filepath.Join(t.TempDir(), "data")
	s := mustOpen(t, dir)
	mustPut(t, s, "a", "b")
	s.Close()
	mustOpen(t, dir) // makes the first copy
	if info, _ := os.Stat(dir); info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v", info.Mode())
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 3 {
		t.Fatalf("want the store, its lock and a copy, got %v, %v", files, err)
	}
	for _, f := range files {
		if info, _ := f.Info(); info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", f.Name(), info.Mode())
		}
	}
}

func TestSecondOpenIsAConflict(t *testing.T) {
	dir := t.TempDir()
	first := mustOpen(t, dir)
	if _, err := Open(dir); tv.CodeOf(err) != tv.Conflict || !strings.Contains(err.Error(), dir) {
		t.Fatalf("want a conflict that names %s, got %v", dir, err)
	}
	first.Close()
	mustOpen(t, dir)
}

func TestFailedUpdateKeepsNothing(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	mine := errors.New("changed my mind")
	err := s.Update(func(tx *Tx) error {
		if err := notes.Put(tx, "a", note{"b"}); err != nil {
			return err
		}
		return mine
	})
	if err != mine {
		t.Errorf("the caller's own error came back as %v", err)
	}
	if got := text(t, s, "a"); got != "" {
		t.Errorf("kept %q", got)
	}
}

func TestViewMayNotWrite(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	mustPut(t, s, "a", "b")
	if err := s.View(func(tx *Tx) error { return notes.Put(tx, "a", note{"c"}) }); err == nil {
		t.Error("a View wrote")
	}
	if err := s.View(func(tx *Tx) error { return notes.Delete(tx, "a") }); err == nil {
		t.Error("a View deleted")
	}
	if got := text(t, s, "a"); got != "b" {
		t.Errorf("got %q", got)
	}
}

func TestClosedStoreIsUnavailable(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	s.Close()
	if err := put(s, "a", "b"); tv.CodeOf(err) != tv.Unavailable {
		t.Errorf("got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("the second Close: %v", err)
	}
}

func TestPanicOfACallerLeavesTheStoreUsable(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	func() {
		defer func() {
			if got := recover(); got != "ours" {
				t.Errorf("recovered %v", got)
			}
		}()
		s.Update(func(tx *Tx) error { notes.Put(tx, "a", note{"b"}); panic("ours") })
	}()
	if got := text(t, s, "a"); got != "" {
		t.Errorf("a transaction that panicked kept %q", got)
	}
	mustPut(t, s, "a", "c")
}

func TestEachGoesThroughAPrefixInOrder(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	var got []string
	collect := func(tx *Tx) error {
		return notes.Each(tx, "b/", func(key string, n note) error {
			got = append(got, key+"="+n.Text)
			return nil
		})
	}
	if err := s.View(collect); err != nil || got != nil {
		t.Fatalf("a bucket that is not there gave %v, %v", got, err)
	}
	for _, key := range []string{"b/2", "a/1", "b/1", "b", "c/1", "b0"} {
		mustPut(t, s, key, strings.ToUpper(key))
	}
	if err := s.View(collect); err != nil || strings.Join(got, " ") != "b/1=B/1 b/2=B/2" {
		t.Errorf("got %v, %v", got, err)
	}
	stop := errors.New("enough")
	err := s.View(func(tx *Tx) error { return notes.Each(tx, "", func(string, note) error { return stop }) })
	if err != stop {
		t.Errorf("the error of do came back as %v", err)
	}
}

func TestDeleteForgets(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	forget := func() error { return s.Update(func(tx *Tx) error { return notes.Delete(tx, "a") }) }
	if err := forget(); err != nil {
		t.Errorf("deleting from nothing: %v", err)
	}
	mustPut(t, s, "a", "b")
	if err := forget(); err != nil || text(t, s, "a") != "" {
		t.Errorf("still there, %v", err)
	}
}

func TestHostileKeysHurtNobody(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	for _, tt := range []struct {
		key string
		ok  bool
	}{
		{"", false},
		{strings.Repeat("x", 1<<16), false},
		{"\x00", true},
		{"../../etc/passwd", true},
		{"\xff\xfe", true},
		{strings.Repeat("x", 1<<15), true},
	} {
		err := put(s, tt.key, "v")
		if tt.ok && (err != nil || text(t, s, tt.key) != "v") {
			t.Errorf("%.20q: %v", tt.key, err)
		}
		if !tt.ok && (tv.CodeOf(err) != tv.Invalid || text(t, s, tt.key) != "") {
			t.Errorf("%.20q: want invalid, got %v", tt.key, err)
		}
	}
}

func TestUnreadableRowIsAnErrorThatDoesNotTellTheRow(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	other := NewBucket[[]string]("notes")
	err := s.Update(func(tx *Tx) error { return other.Put(tx, "hunter2-key", []string{"hunter2-value"}) })
	if err != nil {
		t.Fatal(err)
	}
	get := s.View(func(tx *Tx) error { _, _, err := notes.Get(tx, "hunter2-key"); return err })
	each := s.View(func(tx *Tx) error { return notes.Each(tx, "", func(string, note) error { return nil }) })
	for _, err := range []error{get, each} {
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %v", err)
		}
	}
}
