//go:build !unix

package tcp

import (
	"net"
	"syscall"
)

func rawConn(net.Conn) syscall.RawConn { return nil }

// Neither is called where rawConn returns nil.
func (r *Reader) waitFirst(func([]byte) (int, bool)) error { return nil }
func left(syscall.RawConn) bool                            { return false }
