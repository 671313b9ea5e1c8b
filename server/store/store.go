// Package store keeps the one database file of a host, echotv.db. It owns the
// file's whole life: the folder, the lock against a second program, the schema
// and its migrations, the daily copies, and what happens when the file turns out
// damaged or the disk full. It knows no users, keys or channels; those
// who do keep them in a Bucket.
//
// Reads run beside each other and beside the one write. A write is on the disk
// when Update returns: bbolt syncs twice per commit, so a caller on a hot path
// writes seldom rather than small. A write that failed left nothing behind, and
// the next one may succeed: a full disk that is emptied needs no restart.
//
// Nobody's data is ever replaced by an empty file. A damaged file is kept aside,
// and without a good copy to put in its place the store stays closed and says so.
package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterr "go.etcd.io/bbolt/errors"

	"echo.tv/server/tv"
)

const (
	fileName = "echotv.db"
	lockName = "echotv.lock"

	lockWait = time.Second // a program that is just closing gets this long to let go
)

// Store is the open file. It is safe for concurrent use.
type Store struct {
	dir    string
	path   string
	steps  []step
	lock   *os.File
	db     *bolt.DB
	id     string
	notice string
	broken atomic.Bool // a page could not be read; bbolt's locks may be taken for ever
}

// Open opens the store in dir and makes both if they are missing: the folder for
// this user alone, and so the file. A folder that exists keeps its mode, because
// --data may name anything, a home or /srv; the files in it guard themselves.
//
// The error is Conflict while another program has the store open, wraps ErrNewer
// for a file that a newer echo.tv wrote, and is Storage for everything that the
// disk refused, a damaged file without a good copy among it.
func Open(dir string) (*Store, error) { return open(dir, steps) }

func open(dir string, steps []step) (_ *Store, err error) {
	s := &Store{dir: dir, path: filepath.Join(dir, fileName), steps: steps}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, refused("make the folder for the data", err)
	}
	if s.lock, err = s.lockFolder(); err != nil {
		return nil, err
	}
	if err := s.openFile(); err != nil {
		s.lock.Close()
		return nil, err
	}
	if err := s.copyWhenDue(); err != nil {
		s.tell("today's copy of the store could not be made: %v", err)
	}
	return s, nil
}

// ID returns 32 hexadecimal digits that were drawn when the file was made. They
// tell this installation from another one and are no secret.
func (s *Store) ID() string { return s.id }

// Notice returns what Open had to do that the person at the machine should know,
// as a sentence, and "" when there is nothing to tell.
func (s *Store) Notice() string { return s.notice }

func (s *Store) tell(format string, args ...any) {
	if s.notice != "" {
		s.notice += "; "
	}
	s.notice += fmt.Sprintf(format, args...)
}

// View calls do with a transaction that sees one moment of the store and may not
// write. It returns the error of do.
func (s *Store) View(do func(*Tx) error) error { return s.transact((*bolt.DB).View, do) }

// Update calls do with a transaction that may write. When Update returns nil
// everything is on the disk; else nothing was kept. It returns the error of do,
// and Storage when the disk refused. Updates run one after the other, so an
// Update inside an Update would wait for itself for ever.
func (s *Store) Update(do func(*Tx) error) error { return s.transact((*bolt.DB).Update, do) }

func (s *Store) transact(run func(*bolt.DB, func(*bolt.Tx) error) error, do func(*Tx) error) (err error) {
	if s.broken.Load() {
		return unreadable
	}
	defer s.catchFault(debug.SetPanicOnFault(true), &err)
	var mine error
	err = run(s.db, func(tx *bolt.Tx) error {
		mine = do(&Tx{tx})
		return mine
	})
	return s.explain(err, mine)
}

// Close waits for the transactions that are under way and lets go of the file.
func (s *Store) Close() error {
	if s.broken.Load() {
		s.lock.Close()
		return nil // it was told, and db.Close might wait for ever
	}
	err := s.db.Close()
	s.lock.Close()
	if err != nil {
		return refused("close the store", err)
	}
	return nil
}

// explain passes the caller's own error on and translates what bbolt added.
func (s *Store) explain(err, mine error) error {
	switch {
	case err == nil || mine != nil:
		return err
	case errors.Is(err, bolterr.ErrDatabaseNotOpen):
		return tv.Errorf(tv.Unavailable, "the store is closed").Hint("echo.tv is ending; start it again")
	}
	return refused("write to the store", err)
}

// refused is an error of the disk, which a person can mend.
func refused(deed string, err error) error {
	return tv.Errorf(tv.Storage, "could not %s: %w", deed, err).
		Hint("see that the disk is there, has free space and may be written to")
}

var unreadable = tv.Errorf(tv.Storage, "the disk could not read a part of the store").
	Hint("restart echo.tv, which then goes back to the last good copy")

// catchFault ends a call that touched a page of the file which the disk could
// not deliver. bbolt maps the file, so a bad sector is a fault in memory, and a
// fault would end the program and every stream in it. Nothing more is asked of
// the file then. All other panics are faults of ours and go on. before is the
// goroutine's setting, put back here.
func (s *Store) catchFault(before bool, err *error) {
	debug.SetPanicOnFault(before)
	switch cause := recover().(type) {
	case nil:
	case interface{ Addr() uintptr }: // runtime.Error of a fault
		s.broken.Store(true)
		*err = unreadable
	default:
		panic(cause)
	}
}
