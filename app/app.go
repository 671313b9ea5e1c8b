// Package app is what a person starts: the command line, the window around the
// server, and the words they read in a terminal. It owns the life of the
// process: data folder, log, signals, exit code. It leaves everything about
// streams, accounts and HTTP to package server, and shows nothing in the window
// that a browser on the network could not show as well.
//
// Built without tags it knows no window and needs no C compiler. With the tag
// desktop the same program opens one, unless --headless or a machine without a
// display says otherwise. The window and the server share the process: closing
// the window ends the broadcast, and the server is up before the window is.
package app

import (
	"context"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"syscall"
)

// Build is what the linker and the embedder put into the program.
type Build struct {
	Version string
	UI      fs.FS // the built frontend, index.html at its root
}

// process is one run of the program: what it was given and where it speaks.
type process struct {
	Build
	args   []string
	stdin  io.Reader
	stdout io.Writer // what was asked for: addresses, keys, tables
	stderr io.Writer // the log, and the one line that says what failed
}

// Main runs the program to its end and returns its exit code.
func Main(b Build) int {
	if bindingsOnly {
		return bindings()
	}
	// A second Ctrl-C is not caught, so that it ends a program that hangs.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	p := &process{Build: b, args: os.Args[1:], stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	return p.main(ctx)
}
