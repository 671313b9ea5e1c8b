package store

import (
	"os"
	"path/filepath"
)

// Size returns the bytes of the database file, 0 when it cannot be seen.
func (s *Store) Size() int64 {
	info, err := os.Stat(s.path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// Writable writes a page beside the store and takes it away again: nil means
// that the next Update would find a disk that takes it. Errors: Storage.
func (s *Store) Writable() error {
	if s.broken.Load() {
		return unreadable
	}
	probe := filepath.Join(s.dir, "echotv.probe")
	defer os.Remove(probe)
	if err := os.WriteFile(probe, make([]byte, 4096), 0o600); err != nil {
		return refused("write to the data folder", err)
	}
	return nil
}
