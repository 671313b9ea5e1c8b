package rtmp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// strangerBudget bounds everything read before a key was accepted, handshake
// included. OBS needs 3.7 KiB. A player gets as much each minute: at 100 Mbit/s
// librtmp, which acknowledges most often, says 48 KiB in it.
const strangerBudget = 64 << 10

// promptly acknowledges each read at once.
type promptly struct {
	io.Reader
	acknowledge func()
}

func (p promptly) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	p.acknowledge()
	return n, err
}

// budget is a reader that runs dry until it is lifted, or rationed.
type budget struct {
	r     io.Reader
	left  int
	free  bool
	since time.Time // of this minute's ration; zero when there is none
}

func (b *budget) lift() { b.free = true }

// ration gives the same again, now and every minute.
func (b *budget) ration() { b.left, b.since = strangerBudget, time.Now() }

func (b *budget) Read(p []byte) (int, error) {
	if b.free {
		return b.r.Read(p)
	}
	if !b.since.IsZero() && time.Since(b.since) >= time.Minute {
		b.ration()
	}
	switch {
	case b.left == 0 && !b.since.IsZero():
		return 0, fmt.Errorf("%w: more than %d bytes a minute from a player", errProtocol, strangerBudget)
	case b.left == 0:
		return 0, fmt.Errorf("%w: more than %d bytes before a key", errProtocol, strangerBudget)
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// deadlineWriter gives every write its time, so that a peer that stops reading
// cannot hold us.
type deadlineWriter struct {
	nc   net.Conn
	time time.Duration
}

func (w deadlineWriter) Write(p []byte) (int, error) {
	w.nc.SetWriteDeadline(time.Now().Add(w.time))
	n, err := w.nc.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errDeaf
	}
	return n, err
}

var errDeaf = fmt.Errorf("%w: the peer does not read what it is told", errProtocol)

// plainOnly refuses the encrypted handshake (RTMPE), which the first byte asks
// for: broken since 2009, and no publisher of today wants it.
type plainOnly struct {
	io.ReadWriter
	begun bool
}

const versionRTMPE = 6

func (p *plainOnly) Read(b []byte) (int, error) {
	n, err := p.ReadWriter.Read(b)
	if n > 0 && !p.begun {
		p.begun = true
		if b[0] == versionRTMPE {
			return 0, fmt.Errorf("%w: RTMPE", errProtocol)
		}
	}
	return n, err
}
