package store

import (
	"bytes"
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"echo.tv/server/tv"
)

// Tx is one transaction: everything read in it is of one moment, everything
// written in it is kept together or not at all. It ends with the function it
// was given to and belongs to that goroutine.
type Tx struct{ tx *bolt.Tx }

// Writable reports whether this is an Update.
func (tx *Tx) Writable() bool { return tx.tx.Writable() }

// Bucket is a named set of T under string keys, kept as JSON, which a person
// can read with any bbolt tool after a mishap. The zero Bucket is of no use;
// make one with NewBucket.
type Bucket[T any] struct{ name []byte }

// NewBucket names a bucket. It touches no file: the first Put creates it.
func NewBucket[T any](name string) Bucket[T] { return Bucket[T]{[]byte(name)} }

// Get returns the value at key, and false when there is none.
func (b Bucket[T]) Get(tx *Tx, key string) (value T, found bool, err error) {
	rows := tx.tx.Bucket(b.name)
	if rows == nil {
		return value, false, nil
	}
	raw := rows.Get([]byte(key))
	if raw == nil {
		return value, false, nil
	}
	if err := json.Unmarshal(raw, &value); err != nil {
		return value, false, b.unreadable(err)
	}
	return value, true, nil
}

// Put keeps value at key, in place of what was there. The error is Invalid for
// an empty or overlong key.
func (b Bucket[T]) Put(tx *Tx, key string, value T) error {
	if key == "" || len(key) > bolt.MaxKeySize {
		return tv.Errorf(tv.Invalid, "a key of %d bytes cannot be kept in %s", len(key), b.name)
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("keep in %s: %w", b.name, err)
	}
	rows, err := tx.tx.CreateBucketIfNotExists(b.name)
	if err == nil {
		err = rows.Put([]byte(key), raw)
	}
	if err != nil {
		return fmt.Errorf("keep in %s: %w", b.name, err)
	}
	return nil
}

// Delete forgets key; a key that is not there is not an error.
func (b Bucket[T]) Delete(tx *Tx, key string) error {
	rows := tx.tx.Bucket(b.name)
	if rows == nil {
		return nil
	}
	if err := rows.Delete([]byte(key)); err != nil {
		return fmt.Errorf("delete from %s: %w", b.name, err)
	}
	return nil
}

// Each calls do for every key that begins with prefix, in byte order, until do
// returns an error, which Each returns. Put and Delete wait until Each is over:
// a bbolt cursor skips rows when its page changes under it.
func (b Bucket[T]) Each(tx *Tx, prefix string, do func(key string, value T) error) error {
	rows := tx.tx.Bucket(b.name)
	if rows == nil {
		return nil
	}
	at := rows.Cursor()
	for k, raw := at.Seek([]byte(prefix)); k != nil && bytes.HasPrefix(k, []byte(prefix)); k, raw = at.Next() {
		var value T
		if err := json.Unmarshal(raw, &value); err != nil {
			return b.unreadable(err)
		}
		if err := do(string(k), value); err != nil {
			return err
		}
	}
	return nil
}

// unreadable names the bucket and never the row, which may be a secret.
func (b Bucket[T]) unreadable(err error) error {
	return fmt.Errorf("a row of %s cannot be read: %w", b.name, err)
}
