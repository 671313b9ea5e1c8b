package hls

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"

	"echo.tv/server/live"
)

// player is what a request says of who plays.
type player struct{ id, agent, remote string }

func playerOf(r *http.Request) player {
	return player{r.Header.Get(ViewerHeader), r.UserAgent(), r.RemoteAddr}
}

// stranger reports whether it is none of ours, which send an id.
func (p player) stranger() bool {
	return p.id != preview && (len(p.id) < 16 || len(p.id) > 64)
}

// kind is address and program, which is all that strangers are known by.
func (p player) kind() string {
	at, _ := netip.ParseAddrPort(p.remote)
	return at.Addr().String() + " " + p.agent[:min(len(p.agent), 100)]
}

// seen counts the player as a viewer. piece is the media it fetches, "" for a
// playlist.
func (g *segmenter) seen(path live.Path, p player, piece string) {
	switch {
	case p.stranger():
		g.ch.Seen(path, g.crowd.name(string(path)+" "+p.kind(), piece, p.remote))
	case p.id != preview:
		g.ch.Seen(path, p.id)
	}
}

// crowd tells players apart that say nothing of themselves: several televisions
// of one kind behind one address, each on as many connections as it likes. A
// player takes each piece of media once, so a piece that was fetched on three
// connections has three players; a second time on the same connection is the
// same player, trying again. Counting connections alone would count a browser's
// six, and counting addresses a family as one.
type crowd struct {
	mu      sync.Mutex
	fetched map[piece][]string // guarded by mu; on which connections, the first one first
	order   []piece            // guarded by mu; the oldest first
}

type piece struct{ who, what string }

const (
	maxFetches = 4096 // remembered per channel: 30 s of parts for 27 kinds of players
	maxAlike   = 256  // of one kind behind one address; its connections are as many at most
)

// name returns what to call the player who fetches what on a connection. who is
// its address and program; an empty what, for a playlist, tells nothing.
func (c *crowd) name(who, what, conn string) string {
	if what == "" {
		return who + " 1"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fetched == nil {
		c.fetched = make(map[piece][]string)
	}
	f := piece{who, what}
	conns, known := c.fetched[f]
	if !known {
		c.remember(f)
	}
	at := slices.Index(conns, conn)
	if at < 0 && len(conns) < maxAlike {
		conns = append(conns, conn)
		c.fetched[f] = conns
	}
	if at < 0 {
		at = len(conns) - 1
	}
	return who + " " + strconv.Itoa(at+1)
}

// remember makes room for f. It is called with mu held.
func (c *crowd) remember(f piece) {
	if len(c.order) >= maxFetches {
		delete(c.fetched, c.order[0])
		c.order = c.order[1:]
	}
	c.order = append(c.order, f)
}
