package doctor

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"echo.tv/server/lan"
)

// recorded answers commands from testdata or with words. What it does not know
// is not installed.
type recorded map[string]string

func (r recorded) Run(_ context.Context, name string, args ...string) (string, error) {
	said, ok := r[strings.Join(append([]string{name}, args...), " ")]
	if !ok {
		if said, ok = r[name]; !ok {
			return "", exec.ErrNotFound
		}
	}
	if why, failed := strings.CutPrefix(said, "fails: "); failed {
		return "", errors.New(why)
	}
	if file, ok := strings.CutPrefix(said, "file: "); ok {
		b, err := os.ReadFile(filepath.Join("testdata", file))
		return string(b), err
	}
	return said, nil
}

// home is an ordinary computer on an ordinary network.
func home() lan.Network {
	return lan.Network{Addresses: []lan.Address{{IP: netip.MustParseAddr("192.168.1.20"), Prefix: netip.MustParsePrefix("192.168.1.20/24"),
		Adapter: "eth0", Kind: lan.Ethernet, Default: true}}}
}

func standard() []Listener {
	return []Listener{
		{ID: "http", Who: "browsers", Flag: "--http", Want: ":5175", On: "[::]:5175"},
		{ID: "rtmp", Who: "OBS", Flag: "--rtmp", Want: ":1935", On: "[::]:1935"},
	}
}

// staged returns a doctor of a machine that answers so.
func staged(t *testing.T, goos string, commands recorded, files fstest.MapFS) *Doctor {
	t.Helper()
	if files == nil {
		files = fstest.MapFS{}
	}
	return New(Config{OS: goos, Version: "1.2.3", Program: "/usr/bin/echotv", Data: "/home/kim/.local/share/echotv", Commands: commands, Files: files,
		Network: home, Listeners: standard})
}
