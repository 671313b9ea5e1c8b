package store

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

const (
	copyEvery = 24 * time.Hour
	copiesMax = 3 // the last good one, and two in case the damage was copied before anybody saw it
)

const (
	copyMark = ".copy-" // and a number that counts up: the clock may have been wrong
	tempMark = ".new-"
)

type copied struct {
	path   string
	number int
	made   time.Time
}

// copies lists the copies, newest first.
func (s *Store) copies() (found []copied, err error) {
	files, err := s.beside(copyMark)
	if err != nil {
		return nil, refused("look for copies of the store", err)
	}
	for _, f := range files {
		_, count, _ := strings.Cut(f.Name(), copyMark)
		number, err := strconv.Atoi(count)
		info, gone := f.Info()
		if err == nil && gone == nil {
			found = append(found, copied{filepath.Join(s.dir, f.Name()), number, info.ModTime()})
		}
	}
	slices.SortFunc(found, func(a, b copied) int { return b.number - a.number })
	return found, nil
}

// beside lists the files whose name is that of the store and mark and more.
func (s *Store) beside(mark string) ([]os.DirEntry, error) {
	all, err := os.ReadDir(s.dir)
	return slices.DeleteFunc(all, func(f os.DirEntry) bool {
		return !strings.HasPrefix(f.Name(), fileName+mark)
	}), err
}

// Run makes a copy a day for as long as ctx lives, for hosts that are never
// restarted. It returns nil.
func (s *Store) Run(ctx context.Context, log *slog.Logger) error {
	tick := time.NewTicker(time.Hour) // the wall clock decides, a ticker of a day would forget a sleep
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := s.copyWhenDue(); err != nil {
				log.Warn("today's copy of the store could not be made", "error", err)
			}
		}
	}
}

// copyWhenDue makes today's copy unless the newest one is of the last 24 hours,
// or the store is still empty: an empty copy would be restored over a first day's
// accounts. A copy from the future says that the clock was wrong.
func (s *Store) copyWhenDue() (err error) {
	if s.broken.Load() {
		return unreadable
	}
	defer s.catchFault(debug.SetPanicOnFault(true), &err)
	old, err := s.copies()
	if err != nil || s.empty() {
		return err
	}
	number := 1
	if len(old) > 0 {
		if age := time.Since(old[0].made); age >= 0 && age < copyEvery {
			return nil
		}
		number = old[0].number + 1
	}
	name := s.path + copyMark + strconv.Itoa(number)
	temp, err := writeCopy(s.db, s.path)
	if err != nil {
		return err
	}
	if err := s.proveAndKeep(temp, name); err != nil {
		os.Remove(temp)
		return err
	}
	return s.prune()
}

// empty reports whether nobody has kept anything yet.
func (s *Store) empty() bool {
	buckets := 0
	_ = s.db.View(func(tx *bolt.Tx) error { // fails only when closed: then there is nothing to copy
		return tx.ForEach(func([]byte, *bolt.Bucket) error { buckets++; return nil })
	})
	return buckets <= 1 // meta
}

// proveAndKeep gives temp its name after reading it back: damage must not push
// the last good copy out.
func (s *Store) proveAndKeep(temp, name string) error {
	db, err := load(temp, s.steps)
	if err != nil {
		return err
	}
	db.Close()
	if err := os.Rename(temp, name); err != nil {
		return err
	}
	return syncFolder(s.dir)
}

func (s *Store) prune() error {
	all, err := s.copies()
	if err != nil {
		return err
	}
	for _, c := range all[min(copiesMax, len(all)):] {
		if err := os.Remove(c.path); err != nil {
			return err
		}
	}
	return nil
}

// writeCopy writes db as of now to a new file beside path, synced, and returns
// its name. It leaves nothing behind when it fails.
func writeCopy(db *bolt.DB, path string) (temp string, err error) {
	if temp, err = tempName(path); err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			os.Remove(temp)
		}
	}()
	f, err := os.OpenFile(temp, os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	err = db.View(func(tx *bolt.Tx) error {
		_, err := tx.WriteTo(f)
		return err
	})
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return temp, err
}

// tempName makes an empty file that only this user may read.
func tempName(path string) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+tempMark)
	if err != nil {
		return "", err
	}
	return f.Name(), f.Close()
}

// moveIn gives temp, which is closed and synced, the name of the store.
func (s *Store) moveIn(temp string) error {
	if err := os.Rename(temp, s.path); err != nil {
		os.Remove(temp)
		return refused("put the store in its place", err)
	}
	if err := syncFolder(s.dir); err != nil {
		return refused("put the store in its place", err)
	}
	return nil
}

// sweep removes what a killed program left half written.
func (s *Store) sweep() {
	left, _ := s.beside(tempMark) // tidying may wait for the next start
	for _, f := range left {
		os.Remove(filepath.Join(s.dir, f.Name()))
	}
}
