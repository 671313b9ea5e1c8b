//go:build !unix

package tcp

import (
	"errors"
	"net"
)

// Writer writes to a connection without ever waiting, which is not to be had by
// one call here.
type Writer struct{}

// NewWriter returns nil.
func NewWriter(net.Conn) *Writer { return nil }

// TryWrite is never called, as there is no Writer.
func (*Writer) TryWrite([]byte) (int, error) { return 0, errors.ErrUnsupported }
