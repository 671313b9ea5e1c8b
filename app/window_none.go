//go:build !desktop && !dev && !bindings

package app

import "log/slog"

// hasWindow is false in the pure Go build, and keeps the rest of this file from
// being reached.
const hasWindow = false

type windowFlags struct{}

type window struct{}

func newWindow(*slog.Logger, windowFlags) *window { return &window{} }

func (*window) open(string, func() string) error { return errNoScreen }
func (*window) explain(error)                    {}
func (*window) quit()                            {}
func (*window) OpenURL(string) error             { return errNoScreen }
func (*window) Show()                            {}
func bindings() int                              { return exitFailed }
