package doctor

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"echo.tv/server/tv"
)

var aPhone = netip.MustParseAddr("192.168.1.33")

// screen is a check and who looks at it.
type screen struct {
	*Visits
	t    *testing.T
	code string
	base string
}

func begin(t *testing.T) *screen {
	s := &screen{t: t, base: "http://192.168.1.20:5175"}
	s.Visits = newVisits(func() string { return s.base }, netip.Addr.IsLoopback,
		func(context.Context, netip.Addr) Step { return Step{ID: "back", State: "ok"} })
	s.code = s.Begin().Code
	return s
}

func (s *screen) tell(told ...Told) {
	s.t.Helper()
	for _, one := range told {
		if _, err := s.Tell(s.code, aPhone, one); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *screen) shows(state State, says string) {
	s.t.Helper()
	v, err := s.Look(s.t.Context(), s.code)
	if err != nil || v.State != state || !strings.Contains(v.Says, says) {
		s.t.Errorf("the screen shows %s: %s (%v); want %s: …%s…", v.State, v.Says, err, state, says)
	}
	if state == Fail && v.Do == "" {
		s.t.Errorf("%q leaves one without a thing to do", v.Says)
	}
}

func TestTheScreenFollowsThePhoneAndNamesTheCause(t *testing.T) {
	ok := func(step string) Told { return Told{Step: step, OK: true, MS: 40} }
	no := func(step, why string) Told { return Told{Step: step, Why: why} }
	cases := []struct {
		name  string
		told  []Told
		wait  time.Duration
		state State
		says  string
	}{
		{"nobody yet", nil, 5 * time.Second, Unknown, "Scan the code"},
		{"nobody comes", nil, 30 * time.Second, Fail, "the router keeps its devices apart, or a firewall"},
		{"it came", []Told{ok(StepPage)}, 0, Unknown, "goes through the steps"},
		{"it came and fell asleep", []Told{ok(StepPage)}, 20 * time.Second, Fail, "went silent"},
		{"no WebSocket", []Told{ok(StepPage), no(StepSocket, "closed")}, 0, Fail, "closed on the way"},
		{"no decoder", []Told{ok(StepPage), ok(StepSocket), no(StepPlays, "format")}, 0, Fail, "cannot play H.264"},
		{"weak Wi-Fi", []Told{ok(StepPage), ok(StepSocket), no(StepPlays, "slow")}, 0, Fail, "slower than it plays"},
		{"all the way", []Told{ok(StepPage), ok(StepSocket), ok(StepPlays)}, 0, OK, "Others can reach you"},
		{"all the way at the second try", []Told{ok(StepPage), no(StepSocket, "silent"), ok(StepSocket), ok(StepPlays)}, 0, OK, "Others can reach you"},
		{"all the way, some time ago", []Told{ok(StepPage), ok(StepSocket), ok(StepPlays)}, 5 * time.Minute, OK, "Others can reach you"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := begin(t)
				s.tell(c.told...)
				time.Sleep(c.wait)
				s.shows(c.state, c.says)
			})
		})
	}
}

func TestACheckIsOverAfterTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := begin(t)
		time.Sleep(visitLife)
		if _, err := s.Tell(s.code, aPhone, Told{Step: StepPage, OK: true}); tv.CodeOf(err) != tv.NotFound {
			t.Errorf("an old code: %v", err)
		}
		if _, err := s.Look(t.Context(), s.code); tv.CodeOf(err) != tv.NotFound {
			t.Errorf("an old check: %v", err)
		}
	})
}

func TestChecksAndGuessersAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := begin(t)
		for range 100 {
			s.Begin()
		}
		if len(s.open) != maxVisits {
			t.Errorf("%d checks are open", len(s.open))
		}
		if _, err := s.Look(t.Context(), s.code); tv.CodeOf(err) != tv.NotFound {
			t.Error("the oldest check did not make room")
		}
		from := netip.MustParseAddr("10.0.0.1")
		for range 5000 {
			from = from.Next()
			s.Tell("GUESSING", from, Told{Step: StepPage, OK: true})
		}
		if len(s.misses) > maxMissing {
			t.Errorf("%d addresses are remembered", len(s.misses))
		}
		for range maxMisses {
			s.Tell("GUESSING", aPhone, Told{Step: StepPage, OK: true})
		}
		if _, err := s.Tell("GUESSING", aPhone, Told{Step: StepPage, OK: true}); tv.CodeOf(err) != tv.TooMany {
			t.Errorf("guess 31: %v", err)
		}
		time.Sleep(missWindow)
		if _, err := s.Tell("GUESSING", aPhone, Told{Step: StepPage, OK: true}); tv.CodeOf(err) != tv.NotFound {
			t.Errorf("a minute later: %v", err)
		}
	})
}

func TestAProofIsFreshAndOfThisAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := begin(t)
		d := staged(t, "linux", recorded{}, nil)
		d.Visits = s.Visits
		if v := d.phone(t.Context()); v.State != Unknown {
			t.Errorf("without a phone: %+v", v)
		}
		s.tell(Told{Step: StepPage, OK: true}, Told{Step: StepSocket, OK: true}, Told{Step: StepPlays, OK: true})
		time.Sleep(5 * time.Minute)
		if v := d.phone(t.Context()); v.State != OK || !strings.Contains(v.Says, "192.168.1.33") || !strings.Contains(v.Says, "5 minutes ago") {
			t.Errorf("after a phone: %+v", v)
		}
		s.base = "http://192.168.7.20:5175"
		if v := d.phone(t.Context()); v.State != Unknown {
			t.Errorf("after a change of address: %+v", v)
		}
		s.base = "http://192.168.1.20:5175"
		time.Sleep(proofLife)
		if v := d.phone(t.Context()); v.State != Unknown {
			t.Errorf("an hour later: %+v", v)
		}
	})
}

func TestTheWayBackIsTriedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := begin(t)
		tries := 0
		s.probe = func(_ context.Context, to netip.Addr) Step {
			tries++
			if to != aPhone {
				t.Errorf("tried %s", to)
			}
			return Step{ID: "back", State: "ok", Says: "there"}
		}
		s.shows(Unknown, "Scan")
		s.tell(Told{Step: StepPage, OK: true})
		for range 5 {
			s.shows(Unknown, "")
		}
		if v, _ := s.Look(t.Context(), s.code); tries != 1 || v.Back.Says != "there" {
			t.Errorf("%d tries, %+v", tries, v.Back)
		}
	})
}
