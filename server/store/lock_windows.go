package store

import (
	"errors"
	"os"
	"syscall"
)

// tryLock opens the file at path shared with nobody, or returns errLocked at
// once.
func tryLock(path string) (*os.File, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	handle, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE,
		0, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	const sharingViolation = syscall.Errno(32)
	if errors.Is(err, sharingViolation) {
		return nil, errLocked
	}
	if err != nil {
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return os.NewFile(uintptr(handle), path), nil
}

// letGo closes f, and with it ends the locks on it.
func letGo(f *os.File) { f.Close() }

// syncFolder does nothing: Windows has no sync of a folder, NTFS keeps a journal
// of names.
func syncFolder(string) error { return nil }
