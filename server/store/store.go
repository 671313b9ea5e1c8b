package store

import (
	bolt "go.etcd.io/bbolt"
)

// Store is the open file. It is safe for concurrent use.
type Store struct{ db *bolt.DB }

// Open opens the store in dir.
func Open(dir string) (*Store, error) {
	db, err := bolt.Open(dir+"/echotv.db", 0o600, nil)
	return &Store{db}, err
}

// ID identifies this installation.
func (s *Store) ID() string { return "" }

// Notice is a sentence for the person at the machine.
func (s *Store) Notice() string { return "" }

// View reads.
func (s *Store) View(fn func(*Tx) error) error {
	return s.db.View(func(tx *bolt.Tx) error { return fn(&Tx{tx}) })
}

// Update writes.
func (s *Store) Update(fn func(*Tx) error) error {
	return s.db.Update(func(tx *bolt.Tx) error { return fn(&Tx{tx}) })
}

// Close closes.
func (s *Store) Close() error { return s.db.Close() }
