package hls

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	popular    = 8        // sends from which on a copy in the kernel is worth its three system calls
	worthwhile = 32 << 10 // bytes; less is copied sooner than the kernel looks for its pages
)

// reply is a whole 200 of HTTP/1.1, made once and sent to everybody who asks.
// Immutable, but for where else its bytes are.
type reply struct {
	kind, cache string   // Content-Type and Cache-Control
	raw         []byte   // head and body, for one write
	head        int      // where the body begins in raw
	more        [][]byte // the rest of the body, where it is too much to be copied

	sends  atomic.Uint32 // by lanes
	kernel atomic.Pointer[kernelCopy]
}

// newReply copies the pieces behind a head.
func newReply(kind, cache string, pieces ...[]byte) *reply {
	return makeReply(kind, cache, pieces, nil)
}

// makeReply copies pieces behind a head, and leaves more where it is. The head
// has what a player needs to know and no more: it is sent ten times a second to
// each of them. Date is when the reply was made, which is what it means.
func makeReply(kind, cache string, pieces, more [][]byte) *reply {
	size := total(pieces) + total(more)
	head := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nCache-Control: %s\r\nContent-Length: %d\r\n"+
		"Content-Type: %s\r\nDate: %s\r\nX-Content-Type-Options: nosniff\r\n\r\n",
		cache, size, kind, time.Now().UTC().Format(http.TimeFormat))
	a := &reply{kind: kind, cache: cache, head: len(head), more: more}
	a.raw = append(make([]byte, 0, len(head)+total(pieces)), head...)
	for _, p := range pieces {
		a.raw = append(a.raw, p...)
	}
	return a
}

func total(pieces [][]byte) (n int) {
	for _, p := range pieces {
		n += len(p)
	}
	return n
}

// body returns the body without what is in more.
func (a *reply) body() []byte { return a.raw[a.head:] }

// send replies by net/http, and returns how much of the body left.
func (a *reply) send(w http.ResponseWriter, r *http.Request) (sent int) {
	h := w.Header()
	h.Set("Cache-Control", a.cache)
	h.Set("Content-Type", a.kind)
	h.Set("Content-Length", strconv.Itoa(len(a.body())+total(a.more)))
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
	if r.Method == http.MethodHead {
		return 0
	}
	for _, p := range append([][]byte{a.body()}, a.more...) {
		n, err := w.Write(p)
		if sent += n; err != nil {
			break
		}
	}
	return sent
}

// sendRaw writes the reply to a connection, head and all, with one system call
// where it is one piece.
func (a *reply) sendRaw(c net.Conn) (sent int, err error) {
	if k := a.inKernel(); k != nil {
		if sent, ok, err := k.sendTo(c); ok {
			return sent, err
		}
	}
	if len(a.more) == 0 {
		return c.Write(a.raw)
	}
	all := append(net.Buffers{a.raw}, a.more...)
	n, err := all.WriteTo(c)
	return int(n), err
}

// inKernel returns the copy that popular replies get, nil while there is none.
func (a *reply) inKernel() *kernelCopy {
	if k := a.kernel.Load(); k != nil {
		return k
	}
	if len(a.raw) < worthwhile || len(a.more) > 0 || a.sends.Add(1) != popular {
		return nil
	}
	k := newKernelCopy(a.raw)
	a.kernel.Store(k)
	return k
}

// unpopular gives the copy up: a crowd takes a part when it is new. Whoever sends
// it meanwhile has it to the end.
func (a *reply) unpopular() { a.kernel.Store(nil) }
