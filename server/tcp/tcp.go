// Package tcp tells what the kernel knows of a connection, where net.Conn does
// not ask or asks too often. It owns three questions. What would the connection
// take at once, without waiting: see [Writer]. Has something come: see [Reader].
// And does the other end still take what is written to it: see [Progress]. A
// write that succeeds says little, as kernels on both sides take megabytes for a
// program that reads no more, or for a cable that is not there any more.
//
// On Linux the last answer comes from the acknowledgements, within a round trip of
// the other end's buffer being full. Elsewhere it comes from writes that do not
// end, which takes as long as the buffers last. Asking costs one system call.
package tcp

import (
	"net"
	"sync/atomic"
)

// Progress watches one connection that somebody writes to. One goroutine calls
// Start and Done, another may call Moved.
type Progress struct {
	conn  net.Conn
	wrote atomic.Uint64
	busy  atomic.Bool
	taken uint64 // by the other end, when Moved was last called
}

// Watch returns the progress of c.
func Watch(c net.Conn) *Progress { return &Progress{conn: c} }

// Start says that a write begins.
func (p *Progress) Start() { p.busy.Store(true) }

// Done says that it ended, and how many bytes the kernel took.
func (p *Progress) Done(n int64) {
	p.wrote.Add(uint64(n))
	p.busy.Store(false)
}

// Moved reports whether the other end took anything since it was last asked, or
// has nothing to take.
func (p *Progress) Moved() bool {
	wrote := p.wrote.Load() // before waiting, which only grows with it
	waiting := unacknowledged(p.conn)
	taken := p.taken
	if wrote > waiting {
		taken = max(taken, wrote-waiting)
	}
	moved := taken > p.taken || (waiting == 0 && !p.busy.Load())
	p.taken = taken
	return moved
}
