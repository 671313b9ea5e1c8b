package peer

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"regexp"
	"sync"
	"time"

	"echo.tv/server/crowd"
)

const (
	directoryPath = "/api/public/directory"

	beat           = time.Second            // a follower that hears nothing for five takes us for dead
	changesApart   = 200 * time.Millisecond // viewers come and go faster than anybody reads
	maxFollowers   = 256
	maxFollowersIP = 4
	writePatience  = 5 * time.Second
)

var nonceForm = regexp.MustCompile(`^[A-Za-z0-9]{16,64}$`)

// board holds what this host says of itself, made once for all who follow.
type board struct {
	mu      sync.Mutex
	say     []byte        // guarded by mu; never written to
	changed chan struct{} // guarded by mu; closed and replaced with say

	followers *crowd.Crowd
}

// post puts say up, if it differs.
func (b *board) post(s statement) {
	say, err := json.Marshal(s)
	if err != nil {
		return // a channel says NaN: what was said before stays
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if string(say) != string(b.say) {
		b.say = say
		close(b.changed)
		b.changed = make(chan struct{})
	}
}

func (b *board) read() ([]byte, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.say, b.changed
}

// keepPosting puts up what this host has on, at each change and every other
// second, since not all that is told announces itself.
func (p *Peers) keepPosting(ctx context.Context) {
	often := time.NewTicker(2 * beat)
	defer often.Stop()
	for {
		changed := p.cfg.Changed()
		p.board.post(p.statement())
		select {
		case <-ctx.Done():
			return
		case <-often.C:
		case <-changed:
			sleep(ctx, changesApart)
		}
	}
}

func (p *Peers) statement() statement {
	s := statement{Name: p.cfg.Name(), Version: p.cfg.Version, Channels: p.cfg.Channels()}
	s.check(time.Now(), 0)
	return s
}

// Directory answers GET /api/public/directory?nonce=N with what this host has on
// air, in signed lines: one at once, one at each change, and one a second that
// says that all is as before. With once=1 it is the first line only. Whoever
// does not read for five seconds is cut.
func (p *Peers) Directory() http.Handler { return http.HandlerFunc(p.serveDirectory) }

func (p *Peers) serveDirectory(w http.ResponseWriter, r *http.Request) {
	nonce := r.URL.Query().Get("nonce")
	if !nonceForm.MatchString(nonce) {
		http.Error(w, "nonce: 16 to 64 letters and digits", http.StatusBadRequest)
		return
	}
	from, _ := netip.ParseAddrPort(r.RemoteAddr)
	ip := from.Addr().Unmap().WithZone("")
	if p.board.followers.Enter(ip) != nil {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many follow", http.StatusTooManyRequests)
		return
	}
	defer p.board.followers.Leave(ip)
	w.Header().Set("Content-Type", "application/x-ndjson")
	t := telling{pen: pen{key: p.cfg.Identity.key, asked: r.Host, nonce: nonce}, w: w, out: http.NewResponseController(w)}
	t.out.SetReadDeadline(time.Time{}) // past ReadTimeout net/http takes who only listens for gone
	say, changed := p.board.read()
	for t.tell(say, false) && r.URL.Query().Get("once") == "" {
		select {
		case <-r.Context().Done(): // the follower left, or this host does: a goodbye that nobody can forge
			t.tell(nil, true)
			return
		case <-changed:
			say, changed = p.board.read()
		case <-time.After(beat):
			say = nil
		}
	}
}

// telling is one follower being told.
type telling struct {
	pen
	w   http.ResponseWriter
	out *http.ResponseController
}

func (t *telling) tell(say []byte, bye bool) bool {
	t.out.SetWriteDeadline(time.Now().Add(writePatience))
	_, err := t.w.Write(t.write(time.Now(), say, bye))
	return err == nil && t.out.Flush() == nil
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
