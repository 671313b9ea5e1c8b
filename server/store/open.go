package store

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterr "go.etcd.io/bbolt/errors"

	"echo.tv/server/tv"
)

// openFile opens what is there, after a restore if it must be and a migration if
// it is old. The folder is locked.
func (s *Store) openFile() error {
	s.sweep()
	db, err := s.current()
	if err != nil {
		return err
	}
	at := schemaOf(db)
	if at < len(s.steps) {
		if db, err = s.migrate(db); err != nil {
			return err
		}
	}
	s.db, s.id = db, idOf(db)
	return nil
}

// current returns the checked file. A missing or empty one, as a lost power or a
// restore that was cut short leaves it, is a fresh start only when there is no
// copy either; whoever wants to begin anew deletes the copies too.
func (s *Store) current() (*bolt.DB, error) {
	info, err := os.Stat(s.path)
	switch {
	case err == nil && info.Size() > 0:
		return s.mended(load(s.path, s.steps))
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, refused("find the store", err)
	}
	copies, err := s.copies()
	switch {
	case err != nil:
		return nil, err
	case len(copies) == 0:
		return s.create()
	}
	return s.restore(errors.New("it was missing or empty"))
}

// mended passes on what load returned, and turns damage into a restored copy.
func (s *Store) mended(db *bolt.DB, err error) (*bolt.DB, error) {
	if damage, ok := errors.AsType[damaged](err); ok {
		return s.restore(damage.error)
	}
	if errors.Is(err, bolterr.ErrTimeout) {
		return nil, s.inUse()
	}
	return db, err
}

const damagedMark = ".damaged-"

// damaged says that a file was read and is not a sound store.
type damaged struct{ error }

// load opens the file at path and reads all of it. bbolt panics on some damage
// where it could return an error (etcd-io/bbolt issues 266, 446, 778), and a page
// number beyond the map is a fault, so both are caught here. Reading all took
// 66 ms for 50,000 rows in 110 MB; a store of accounts has less than one.
//
// The error is damaged, wraps ErrNewer, or is a tv.Error about the disk.
func load(path string, steps []step) (db *bolt.DB, err error) {
	var file *os.File
	defer func(before bool) {
		debug.SetPanicOnFault(before)
		cause := recover()
		switch {
		case cause != nil:
			letGo(file) // and not db.Close: a panic may have left its locks taken
			db, err = nil, damaged{fmt.Errorf("bbolt gave up: %v", cause)}
		case err != nil && db != nil:
			db.Close()
			db = nil
		}
	}(debug.SetPanicOnFault(true))

	db, err = bolt.Open(path, 0o600, &bolt.Options{
		Timeout: lockWait,
		OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
			file, err = os.OpenFile(name, flag, mode)
			return file, err
		},
	})
	if err != nil {
		return nil, judge(err)
	}
	if err := check(db); err != nil {
		return db, damaged{err}
	}
	if at := schemaOf(db); at > len(steps) {
		return db, newer(path, at, len(steps))
	}
	if err := os.Chmod(path, 0o600); err != nil { // a file that somebody copied back
		return db, refused("guard the store", err)
	}
	return db, nil
}

// judge tells a disk that refuses, which a restore would not mend, from a file
// that is wrong.
func judge(err error) error {
	_, path := errors.AsType[*fs.PathError](err)
	_, errno := errors.AsType[syscall.Errno](err)
	switch {
	case errors.Is(err, bolterr.ErrTimeout):
		return err
	case path || errno:
		return refused("open the store", err)
	}
	return damaged{err}
}

// check reads every row and then has bbolt check its own book-keeping, in this
// order: bbolt checks in a goroutine of its own, where nobody catches the fault
// that a row beyond the end of the file would be.
func check(db *bolt.DB) error {
	return db.View(func(tx *bolt.Tx) error {
		if info, err := os.Stat(db.Path()); err != nil {
			return err
		} else if info.Size() < tx.Size() {
			return fmt.Errorf("the file ends at byte %d of %d", info.Size(), tx.Size())
		}
		if err := tx.ForEach(func(_ []byte, b *bolt.Bucket) error { return readAll(b) }); err != nil {
			return err
		}
		var first error
		for fault := range tx.Check() { // to the end, or its goroutine would stay
			if first == nil {
				first = fault
			}
		}
		return first
	})
}

// readAll touches every row of b, and by seeking each every key of the pages
// above it.
func readAll(b *bolt.Bucket) error {
	return b.ForEach(func(k, v []byte) error {
		if v == nil {
			return readAll(b.Bucket(k))
		}
		if crc32.ChecksumIEEE(v) != crc32.ChecksumIEEE(b.Get(k)) {
			return errors.New("a row is not where its key says")
		}
		return nil
	})
}

// restore puts the newest good copy where the file was. The damaged file is
// kept: a person with tools may find in it what the copy lacks.
func (s *Store) restore(damage error) (*bolt.DB, error) {
	copies, err := s.copies()
	if err != nil {
		return nil, err
	}
	for _, c := range copies {
		db, err := load(c.path, s.steps)
		if _, bad := errors.AsType[damaged](err); bad {
			os.Rename(c.path, c.path+damagedMark+"copy") // else it would count as the newest
		}
		if err != nil {
			continue
		}
		temp, err := writeCopy(db, s.path)
		db.Close()
		if err != nil {
			return nil, refused("restore the store from its copy", err)
		}
		kept, err := s.setAside()
		if err != nil {
			return nil, err
		}
		if err := s.moveIn(temp); err != nil {
			return nil, err
		}
		s.tell("%s was damaged (%v); the copy of %s is in its place, what was changed since is lost%s",
			s.path, damage, c.made.Format(time.DateTime), kept)
		return load(s.path, s.steps)
	}
	return nil, tv.Errorf(tv.Storage, "%s is damaged and there is no good copy of it: %w", s.path, damage).
		Hint("put back a backup of your own, or move the file away to begin anew without accounts")
}

// setAside renames the damaged file, if there is one, and returns the rest of a
// sentence that tells its new name.
func (s *Store) setAside() (string, error) {
	name := s.path + damagedMark + time.Now().UTC().Format("20060102T150405Z")
	err := os.Rename(s.path, name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", refused("move the damaged store aside", err)
	}
	return "; the damaged file is kept as " + name, nil
}
