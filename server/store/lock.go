package store

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"echo.tv/server/tv"
)

var errLocked = errors.New("locked by another program")

// lockFolder takes the folder for this process until the file it returns is
// closed, by the end of the process too. bbolt's own lock holds the file and not
// its name: while a migration or a restore renames, a second program could lock
// the file that is about to be replaced and write to where nobody reads.
func (s *Store) lockFolder() (*os.File, error) {
	for end := time.Now().Add(lockWait); ; time.Sleep(50 * time.Millisecond) {
		f, err := tryLock(filepath.Join(s.dir, lockName))
		switch {
		case err == nil:
			return f, nil
		case !errors.Is(err, errLocked):
			return nil, refused("lock the folder of the data", err)
		case time.Now().After(end):
			return nil, s.inUse()
		}
	}
}

func (s *Store) inUse() error {
	return tv.Errorf(tv.Conflict, "%s is in use by another echo.tv", s.dir).
		Hint("use the one that runs, or give this one a folder of its own with --data")
}
