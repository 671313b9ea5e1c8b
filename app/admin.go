package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"echo.tv/server"
	"echo.tv/server/tv"
)

// The commands for a host without a window. Each talks to the echo.tv that has
// the data folder open, or to the closed store when none has.

type userCommand struct {
	Add userAdd `cmd:"" help:"Make an account. Without --password-stdin it gets a password, which is printed."`
}

type userAdd struct {
	Name          string `arg:"" help:"Name of the account and of its channel."`
	Role          string `default:"streamer" placeholder:"ROLE" help:"owner, admin, streamer or viewer (default: streamer)."`
	PasswordStdin bool   `help:"Read the password from the first line of standard input."`
}

// Run makes the account.
func (u *userAdd) Run(ctx context.Context, p *process, c *cli) error {
	role, err := tv.ParseRole(u.Role)
	if err != nil {
		return err
	}
	var password string
	if u.PasswordStdin {
		if password, err = readPassword(p.stdin); err != nil {
			return err
		}
	}
	return withControl(c, func(ctl server.Control) error {
		made, err := ctl.AddUser(ctx, u.Name, password, role)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "%s is now %s\n", made.Name, made.Role)
		if made.Password != "" {
			fmt.Fprintf(p.stdout, "password %s\n", made.Password)
		}
		return nil
	})
}

// maxLine is more than any password; what is longer was not meant as one.
const maxLine = 1 << 10

func readPassword(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read password: %w", err)
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", tv.Errorf(tv.Invalid, "no password on standard input").Hint("echo a line into the command")
	}
	return line, nil
}

type keyCommand struct {
	New keyNew `cmd:"" help:"Make a stream key and print it, and nothing else."`
}

type keyNew struct {
	Name  string `arg:"" help:"Account the key is for."`
	Label string `placeholder:"L" help:"What to call the key in Studio."`
}

// Run makes the key.
func (k *keyNew) Run(ctx context.Context, p *process, c *cli) error {
	return withControl(c, func(ctl server.Control) error {
		key, err := ctl.NewKey(ctx, k.Name, k.Label)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(p.stdout, key.Reveal())
		return err
	})
}

type statusCommand struct{}

// Run prints what is on. A script sees by the exit code whether echo.tv runs.
func (statusCommand) Run(ctx context.Context, p *process, c *cli) error {
	return withControl(c, func(ctl server.Control) error {
		status, err := ctl.Status(ctx)
		if err != nil {
			return err
		}
		if !status.Running {
			return tv.Errorf(tv.Unavailable, "echo.tv is not running here").Hint("start it with: echotv")
		}
		printStatus(p.stdout, status)
		return nil
	})
}

// withControl does one deed on the data folder of c.
func withControl(c *cli, deed func(server.Control) error) (err error) {
	if c.Data == "" {
		return errNoData
	}
	ctl, err := server.OpenControl(c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ctl.Close()) }()
	return deed(ctl)
}

// showRunning brings the window of the echo.tv that has dir open to the front.
// It does not matter when that fails: the second start ends either way.
func showRunning(ctx context.Context, dir string) {
	ctl, err := server.OpenControl(dir)
	if err != nil {
		return
	}
	defer ctl.Close()
	ctl.Show(ctx)
}
