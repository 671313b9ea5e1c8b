package tv

import (
	"errors"
	"fmt"
	"time"
)

// Code sorts errors by what the caller can do about them. Callers ask for
// codes, never for text.
type Code string

// The whole table. httpapi translates each code to one HTTP status, the
// command line to one exit code.
const (
	Invalid         Code = "invalid"         // the input is wrong; the message says how
	Unauthenticated Code = "unauthenticated" // sign in first
	Forbidden       Code = "forbidden"       // signed in, but not allowed
	NotFound        Code = "not_found"       // no such thing, or not for you to know
	Conflict        Code = "conflict"        // somebody or something is there already
	TooMany         Code = "too_many"        // slow down; RetryAfter says how long
	NotSetUp        Code = "not_set_up"      // nobody owns this host yet
	Unavailable     Code = "unavailable"     // try again later
	Storage         Code = "storage"         // the disk did not take it; nothing was kept
	Internal        Code = "internal"        // our fault; details are in the log
)

// Error is an error for a person: what failed, and with Hint what they can do.
// Text and hint hold no secrets, so they may be shown to whoever asked.
type Error struct {
	Code       Code
	Text       string
	Advice     string
	RetryAfter time.Duration // with TooMany and Unavailable: how long to wait; 0 when nobody knows
	cause      error
}

// Errorf makes an Error. A %w argument becomes the cause that errors.Is sees;
// its text is part of the message, so wrap only what may be shown.
func Errorf(code Code, format string, args ...any) *Error {
	wrapped := fmt.Errorf(format, args...)
	return &Error{Code: code, Text: wrapped.Error(), cause: errors.Unwrap(wrapped)}
}

// Hint returns a copy of e that ends in what the person can do.
func (e *Error) Hint(advice string) *Error {
	c := *e
	c.Advice = advice
	return &c
}

// After returns a copy of e that says when trying again makes sense.
func (e *Error) After(wait time.Duration) *Error {
	c := *e
	c.RetryAfter = wait
	return &c
}

func (e *Error) Error() string {
	if e.Advice == "" {
		return e.Text
	}
	return e.Text + " (" + e.Advice + ")"
}

func (e *Error) Unwrap() error { return e.cause }

// CodeOf returns the code of the first Error in err's chain, and Internal for
// an error that nobody meant for a person.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Internal
}
