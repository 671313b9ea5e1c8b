package doctor

import (
	"context"
	"fmt"
	"time"
)

const (
	phoneID   = "phone"
	proofLife = time.Hour // networks change
)

// phone says what the last phone check proved, as long as the address is the
// same and the proof is fresh.
func (d *Doctor) phone(context.Context) Verdict {
	v := Verdict{ID: phoneID, Title: "Seen from a phone", State: Unknown,
		Says: "No phone has tried yet, and only another device can prove it.", Do: "Check with your phone."}
	last, at, ok := d.Visits.proof()
	if !ok {
		return v
	}
	v.State, v.Says, v.Do = last.State, last.Says, last.Do
	if last.State == OK {
		v.Says = fmt.Sprintf("A device at %s opened the page, spoke over a WebSocket and played the test stream %s.", last.Device, since(at))
	}
	return v
}

func since(at time.Time) string {
	if m := int(time.Since(at).Minutes()); m > 1 {
		return fmt.Sprintf("%d minutes ago", m)
	}
	return "just now"
}

// proof returns the last check that another device came to, and when it last
// spoke.
func (s *Visits) proof() (Visit, time.Time, bool) {
	base := s.base()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil || s.last.base != base || time.Since(s.last.lastTold) > proofLife {
		return Visit{}, time.Time{}, false
	}
	return s.last.view(time.Now()), s.last.lastTold, true
}
