package store

import (
	"errors"
	"os"
	"path/filepath"
)

// WriteFile keeps data in a file of its own beside the store, for this user
// alone: whole and on the disk when it returns nil, and else as it was. The
// error is Storage.
func WriteFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+tempMark)
	if err != nil {
		return refused("write "+path, err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return refused("write "+path, err)
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return refused("write "+path, err)
	}
	return nil
}
