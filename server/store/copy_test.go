package store

import (
	"context"
	"log/slog"
	"os"
	"strconv"
	"testing"
	"time"
)

// age makes the newest copy that old.
func age(t *testing.T, s *Store, by time.Duration) {
	t.Helper()
	all, err := s.copies()
	if err != nil || len(all) == 0 {
		t.Fatalf("no copy to age: %v", err)
	}
	when := time.Now().Add(-by)
	if err := os.Chtimes(all[0].path, when, when); err != nil {
		t.Fatal(err)
	}
}

func numbers(t *testing.T, s *Store) (list string) {
	t.Helper()
	all, err := s.copies()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		list += strconv.Itoa(c.number) + " "
	}
	return list
}

func TestACopyADayAndThreeAreKept(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	if got := numbers(t, s); got != "" {
		t.Errorf("an empty store was copied: %s", got)
	}
	mustPut(t, s, "a", "b")
	for _, tt := range []struct {
		age  time.Duration
		want string
	}{
		{0, "1 "},
		{0, "1 "},
		{23 * time.Hour, "1 "},
		{25 * time.Hour, "2 1 "},
		{-48 * time.Hour, "3 2 1 "}, // the clock was set back
		{25 * time.Hour, "4 3 2 "},
		{25 * time.Hour, "5 4 3 "},
	} {
		if got := numbers(t, s); got != "" {
			age(t, s, tt.age)
		}
		s.Close()
		s = mustOpen(t, dir)
		if got := numbers(t, s); got != tt.want {
			t.Errorf("after %v: copies %q, want %q", tt.age, got, tt.want)
		}
	}
}

func TestCopyHoldsWhatTheStoreHeld(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	mustPut(t, s, "a", "then")
	if err := s.copyWhenDue(); err != nil {
		t.Fatal(err)
	}
	mustPut(t, s, "a", "now")
	all, _ := s.copies()
	db, err := load(all[0].path, steps)
	if err != nil {
		t.Fatal(err)
	}
	c := &Store{db: db}
	defer db.Close()
	if got := text(t, c, "a"); got != "then" {
		t.Errorf("the copy holds %q", got)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, slog.New(slog.DiscardHandler)) }()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
