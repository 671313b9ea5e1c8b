package doctor

import (
	"context"
	"crypto/rand"
	"net/netip"
	"sync"
	"time"

	"echo.tv/server/tv"
)

// The limits of what strangers can cause. A code is 40 bits and lives for ten
// minutes; one address may miss thirty a minute, so guessing one takes an
// attacker with a thousand addresses a month.
const (
	maxVisits   = 8    // open checks; the oldest makes room
	maxTold     = 32   // reports of one phone: three steps, each tried again some times
	maxMisses   = 30   // wrong codes of one address a minute
	maxMissing  = 1024 // addresses whose wrong codes are counted
	missWindow  = time.Minute
	probeWithin = 3 * time.Second
)

// Visits are the phone checks of one host. Checks are begun by admins; what
// strangers send is bounded above and consists of known words. Nothing here
// starts a goroutine. Safe for concurrent use.
type Visits struct {
	base  func() string                                    // the best address for browsers, such as http://192.168.1.20:5175
	ours  func(netip.Addr) bool                            // whether an address is this computer's
	probe func(ctx context.Context, phone netip.Addr) Step // the way back

	mu     sync.Mutex
	open   []*visit               // guarded by mu; oldest first
	last   *visit                 // guarded by mu; the last that another device came to
	misses map[netip.Addr]*misses // guarded by mu
}

type misses struct {
	n     int
	until time.Time
}

// newVisits returns no checks yet. base is asked when one begins.
func newVisits(base func() string, ours func(netip.Addr) bool, probe func(context.Context, netip.Addr) Step) *Visits {
	return &Visits{base: base, ours: ours, probe: probe, misses: map[netip.Addr]*misses{}}
}

// Begin makes a check and its one-time code.
func (s *Visits) Begin() Visit {
	base, code := s.base(), rand.Text()[:8]
	v := &visit{code: code, base: base, url: base + "/#/check?code=" + code, began: time.Now(), told: map[string]Told{},
		back: Step{ID: "back", Title: "From here to the phone", State: "waiting"}}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(v.began)
	if len(s.open) >= maxVisits {
		s.open = s.open[1:]
	}
	s.open = append(s.open, v)
	return v.view(v.began)
}

// Look returns how the check stands, for the host's own screen. The first look
// after the phone came tries the way back to it, which takes up to three
// seconds. Errors: NotFound.
func (s *Visits) Look(ctx context.Context, code string) (Visit, error) {
	s.mu.Lock()
	v := s.find(code)
	if v == nil {
		s.mu.Unlock()
		return Visit{}, errNoVisit
	}
	device, probe := v.device, v.device.IsValid() && !v.probed && !v.self
	v.probed = v.probed || probe
	s.mu.Unlock()
	var back Step
	if probe {
		ctx, cancel := context.WithTimeout(ctx, probeWithin)
		defer cancel()
		back = s.probe(ctx, device)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if probe {
		v.back = back
	}
	return v.view(time.Now()), nil
}

// Tell notes what the phone at from says of a step. The first device that
// brings the code has the check for itself. Errors: NotFound for a code that
// never was or is over, Conflict for a second device, TooMany.
func (s *Visits) Tell(code string, from netip.Addr, t Told) (Visit, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if wait := s.missedTooOften(from, now); wait > 0 {
		return Visit{}, tv.Errorf(tv.TooMany, "too many wrong codes").After(wait)
	}
	v := s.find(code)
	switch {
	case v == nil:
		s.miss(from, now)
		return Visit{}, errNoVisit
	case v.device.IsValid() && v.device != from:
		return Visit{}, tv.Errorf(tv.Conflict, "another device makes this check").Hint("start a new check on the host's screen")
	case v.count >= maxTold:
		return Visit{}, tv.Errorf(tv.TooMany, "this check was told enough").Hint("start a new check on the host's screen")
	case stepTitles[t.Step] == "" || (!t.OK && whys[t.Step+" "+t.Why] == why{}):
		return Visit{}, tv.Errorf(tv.Invalid, "the check has no such step or reason")
	}
	v.count++
	v.device, v.self, v.lastTold = from, s.ours(from), now
	v.told[StepPage] = Told{Step: StepPage, OK: true} // or it could not say anything
	if t.Step != StepPage {
		v.told[t.Step] = t
	}
	if !v.self {
		s.last = v
	}
	return v.view(now), nil
}

var errNoVisit = tv.Errorf(tv.NotFound, "this check is over").Hint("start a new one on the host's screen and scan again")

// find is called with mu held.
func (s *Visits) find(code string) *visit {
	s.expire(time.Now())
	for _, v := range s.open {
		if v.code == code {
			return v
		}
	}
	return nil
}

// expire is called with mu held.
func (s *Visits) expire(now time.Time) {
	for len(s.open) > 0 && !now.Before(s.open[0].expires()) {
		s.open = s.open[1:]
	}
}

// missedTooOften and miss are called with mu held.
func (s *Visits) missedTooOften(from netip.Addr, now time.Time) time.Duration {
	if m := s.misses[from]; m != nil && m.n >= maxMisses {
		return max(0, m.until.Sub(now))
	}
	return 0
}

func (s *Visits) miss(from netip.Addr, now time.Time) {
	m := s.misses[from]
	if m == nil || !now.Before(m.until) {
		if len(s.misses) >= maxMissing {
			clear(s.misses) // a thousand addresses at once: begin anew rather than grow
		}
		m = &misses{until: now.Add(missWindow)}
		s.misses[from] = m
	}
	m.n++
}
