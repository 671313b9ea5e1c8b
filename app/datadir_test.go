package app

import (
	"errors"
	"path/filepath"
	"testing"
)

func TestDataFolderIsWhereTheSystemKeepsSuchThings(t *testing.T) {
	at := func(dir string) func() (string, error) { return func() (string, error) { return dir, nil } }
	nowhere := func() (string, error) { return "", errors.New("no home") }
	cases := []struct {
		name, goos, xdg string
		home, config    func() (string, error)
		want            string
	}{
		{"Linux", "linux", "", at("/home/ann"), nowhere, "/home/ann/.local/share/echotv"},
		{"Linux, moved", "linux", "/srv/data", nowhere, nowhere, "/srv/data/echotv"},
		{"Linux, relative is ignored", "linux", "data", at("/home/ann"), nowhere, "/home/ann/.local/share/echotv"},
		{"Linux service without a home", "linux", "", nowhere, nowhere, ""},
		{"macOS", "darwin", "/srv/data", nowhere, at("/Users/ann/Library/Application Support"), "/Users/ann/Library/Application Support/echotv"},
		{"Windows", "windows", "", nowhere, at("/AppData/Roaming"), "/AppData/Roaming/echotv"},
		{"Windows without a profile", "windows", "", at("/home/ann"), nowhere, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := dataDirOn(c.goos, system{func(string) string { return c.xdg }, c.home, c.config})
			if got != filepath.FromSlash(c.want) || (err != nil) != (c.want == "") {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}
