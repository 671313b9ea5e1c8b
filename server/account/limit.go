package account

import (
	"fmt"
	"math"
	"net/netip"
	"sync"
	"time"

	"echo.tv/server/tv"
)

// tallyMax bounds the memory of what strangers can fill: 4,096 entries are half a
// megabyte. When it is full the entry that ends first makes room, so a limit can
// be outrun only from thousands of addresses at once.
const tallyMax = 4096

// tally counts per name within a time that begins with the first count.
type tally struct {
	within time.Duration
	mu     sync.Mutex
	seen   map[string]count // guarded by mu
}

type count struct {
	n   int
	end time.Time
}

func newTally(within time.Duration) *tally {
	return &tally{within: within, seen: map[string]count{}}
}

// add counts one more for who, unless there are most already; then it returns
// how long they still count.
func (t *tally) add(who string, most int) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, at := t.seen[who], time.Now()
	if !at.Before(c.end) {
		t.makeRoom(at)
		c = count{end: at.Add(t.within)}
	}
	if c.n >= most {
		return c.end.Sub(at)
	}
	c.n++
	t.seen[who] = c
	return 0
}

// takeBack forgets one count of who.
func (t *tally) takeBack(who string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.seen[who]; c.n > 1 {
		c.n--
		t.seen[who] = c
	} else {
		delete(t.seen, who)
	}
}

// renew counts who once, from now on.
func (t *tally) renew(who string) {
	t.takeBack(who)
	t.add(who, 1)
}

func (t *tally) has(who string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Now().Before(t.seen[who].end)
}

// makeRoom is called with mu held, before an entry is added.
func (t *tally) makeRoom(at time.Time) {
	if len(t.seen) < tallyMax {
		return
	}
	var first string
	end := at.Add(t.within + 1)
	for who, c := range t.seen {
		if !at.Before(c.end) {
			delete(t.seen, who)
		} else if c.end.Before(end) {
			first, end = who, c.end
		}
	}
	if len(t.seen) >= tallyMax {
		delete(t.seen, first)
	}
}

// limiter allows so many attempts a minute.
type limiter struct {
	*tally
	most int
}

func newLimiter(most int) *limiter { return &limiter{newTally(time.Minute), most} }

// take counts an attempt before it is judged, so that many at once cannot all
// pass, or returns TooMany. A good attempt is taken back.
func (l *limiter) take(who string) error {
	wait := l.add(who, l.most)
	if wait == 0 {
		return nil
	}
	seconds := math.Ceil(wait.Seconds())
	return tv.Errorf(tv.TooMany, "too many attempts").
		Hint(fmt.Sprintf("wait %.0f seconds", seconds)).After(time.Duration(seconds) * time.Second)
}

// address is how limits call a remote: an IPv4 client is the same one through an
// IPv6 listener. A whole IPv6 prefix is not one remote here, because on a LAN
// everybody is in the same one.
func address(remote netip.Addr) string { return remote.Unmap().String() }
