package app

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"echo.tv/server/tv"
)

// The exit codes, for scripts.
const (
	exitOK         = 0
	exitFailed     = 1
	exitUsage      = 2
	exitRunning    = 3 // another echo.tv has this data folder open
	exitNewerStore = 4 // the data was written by a newer version; it was not touched
)

// coded is an error that asks for an exit code of its own.
type coded struct {
	error
	code int
}

func (e *coded) Unwrap() error { return e.error }

// told is an error that the person has been told already.
type told struct{ error }

func (e *told) Unwrap() error { return e.error }

func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if c, ok := errors.AsType[*coded](err); ok {
		return c.code
	}
	if isUsage(err) || tv.CodeOf(err) == tv.Invalid {
		return exitUsage
	}
	return exitFailed
}

// complain writes err as one line; joined errors have several.
func complain(w io.Writer, err error) {
	lines := strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' })
	line := strings.Join(lines, "; ")
	if isUsage(err) && !strings.HasSuffix(line, ")") {
		line += " (echotv --help explains all)"
	}
	fmt.Fprintln(w, "echotv: "+line)
}
