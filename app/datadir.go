package app

import (
	"path/filepath"
	"runtime"
)

// system is what the operating system says about this user.
type system struct {
	env    func(string) string
	home   func() (string, error)
	config func() (string, error)
}

// dataDir is where this user's accounts and keys live by default:
//
//	Linux    $XDG_DATA_HOME/echotv, or ~/.local/share/echotv
//	macOS    ~/Library/Application Support/echotv
//	Windows  %AppData%\echotv
func dataDir(sys system) (string, error) { return dataDirOn(runtime.GOOS, sys) }

func dataDirOn(goos string, sys system) (string, error) {
	if goos == "darwin" || goos == "windows" {
		dir, err := sys.config()
		if err != nil {
			return "", err
		}
		return filepath.Join(dir, "echotv"), nil
	}
	// The base directory specification: a relative value is to be ignored.
	if dir := sys.env("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "echotv"), nil
	}
	dir, err := sys.home()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, ".local", "share", "echotv"), nil
}
