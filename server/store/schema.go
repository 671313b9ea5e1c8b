package store

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"

	bolt "go.etcd.io/bbolt"

	"echo.tv/server/tv"
)

// ErrNewer is in the chain of the error that Open returns for a file which a
// newer echo.tv wrote. The file was not touched.
var ErrNewer = errors.New("written by a newer echo.tv")

// A step takes the file from one schema to the next, in one transaction, on a
// copy. Steps are never changed after a release, only added: schema n is what
// the first n of them made.
type step func(*bolt.Tx) error

var steps = []step{
	drawID,
}

var (
	metaBucket = []byte("meta")
	schemaKey  = []byte("schema")
	idKey      = []byte("id")
)

// drawID gives a new file its identity.
func drawID(tx *bolt.Tx) error {
	meta, err := tx.CreateBucketIfNotExists(metaBucket)
	if err != nil {
		return err
	}
	id := make([]byte, 16)
	rand.Read(id)
	return meta.Put(idKey, []byte(hex.EncodeToString(id)))
}

func newer(path string, at, known int) error {
	return tv.Errorf(tv.Storage, "%s was %w: its schema is %d, this one knows %d", path, ErrNewer, at, known).
		Hint("start the newer echo.tv again; this one left the file as it was")
}

func schemaOf(db *bolt.DB) (at int) {
	at, _ = strconv.Atoi(metaOf(db, schemaKey)) // missing: the empty file before the first step
	return at
}

func idOf(db *bolt.DB) string { return metaOf(db, idKey) }

func metaOf(db *bolt.DB, key []byte) (value string) {
	_ = db.View(func(tx *bolt.Tx) error { // fails only when closed, which it is not here
		if meta := tx.Bucket(metaBucket); meta != nil {
			value = string(meta.Get(key))
		}
		return nil
	})
	return value
}

// create makes a new file as a migration of an empty one, under another name, so
// that an end at any moment leaves a whole store or none.
func (s *Store) create() (*bolt.DB, error) {
	temp, err := tempName(s.path)
	if err != nil {
		return nil, refused("make the store", err)
	}
	return s.climb(temp)
}

// migrate replaces the file of db by a migrated copy. When a step fails the old
// file is still there, untouched, for the echo.tv that wrote it.
func (s *Store) migrate(db *bolt.DB) (*bolt.DB, error) {
	temp, err := writeCopy(db, s.path)
	db.Close() // before the rename: Windows renames over no open file
	if err != nil {
		return nil, refused("copy the store to migrate it", err)
	}
	return s.climb(temp)
}

// climb runs the missing steps on the file temp and moves it in.
func (s *Store) climb(temp string) (*bolt.DB, error) {
	db, err := bolt.Open(temp, 0o600, &bolt.Options{Timeout: lockWait})
	if err != nil {
		os.Remove(temp)
		return nil, refused("make the store", err)
	}
	for at := schemaOf(db); at < len(s.steps) && err == nil; at++ {
		err = db.Update(func(tx *bolt.Tx) error {
			if err := s.steps[at](tx); err != nil {
				return fmt.Errorf("step to schema %d: %w", at+1, err)
			}
			return tx.Bucket(metaBucket).Put(schemaKey, []byte(strconv.Itoa(at+1)))
		})
	}
	db.Close()
	if err != nil {
		os.Remove(temp)
		return nil, refused("migrate the store", err)
	}
	if err := s.moveIn(temp); err != nil {
		return nil, err
	}
	return load(s.path, s.steps)
}
