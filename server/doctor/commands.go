package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Commands runs programs of the system. Every name and argument is ours; none
// comes from a stranger.
type Commands interface {
	// Run returns what the program wrote on its standard output. Errors:
	// exec.ErrNotFound when there is no such program, else what the program said.
	Run(ctx context.Context, name string, args ...string) (out string, err error)
}

const (
	commandTime   = 3 * time.Second
	commandOutput = 1 << 20 // bytes: the rules of Docker with 200 containers are 150 kB
)

// System runs the commands of this machine.
type System struct{}

// Run implements Commands. LC_ALL=C keeps the words those that we know.
func (System) Run(ctx context.Context, name string, args ...string) (string, error) {
	path, err := find(name)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	var out, said capped
	c := exec.CommandContext(ctx, path, args...)
	c.Env = append(os.Environ(), "LC_ALL=C", "LANGUAGE=C")
	c.Stdout, c.Stderr = &out, &said
	c.WaitDelay = time.Second // of a grandchild that holds the pipe
	quiet(c)
	err = c.Run()
	switch {
	case ctx.Err() != nil:
		return out.String(), fmt.Errorf("%s did not answer: %w", name, ctx.Err())
	case err != nil:
		first, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		return out.String(), fmt.Errorf("%s: %.200s: %w", name, first, err)
	}
	return out.String(), nil
}

// find looks where root's programs are, too: Debian leaves these folders out of
// everybody else's PATH.
func find(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil || filepath.IsAbs(name) {
		return path, err
	}
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", exec.ErrNotFound
}

// missing reports whether a command failed because it is not there at all.
func missing(err error) bool {
	return errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist)
}

// capped keeps the first commandOutput bytes.
type capped struct{ bytes.Buffer }

func (c *capped) Write(p []byte) (int, error) {
	c.Buffer.Write(p[:min(len(p), commandOutput-c.Len())])
	return len(p), nil
}
