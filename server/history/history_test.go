package history

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"echo.tv/server/live"
	"echo.tv/server/store"
	"echo.tv/server/tv"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// studio is a history with a clock of its own.
type studio struct {
	*History
	t   *testing.T
	st  *store.Store
	log bytes.Buffer
	now time.Time
}

func open(t *testing.T, dir string) *studio {
	t.Helper()
	st, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	s := &studio{t: t, st: st, now: noon}
	s.History, err = Open(Config{Log: slog.New(slog.NewTextHandler(&s.log, nil)), Store: st,
		Title: func(n tv.ChannelName) string { return string(n) + " plays" }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// pass lets seconds go by with these on air.
func (s *studio) pass(seconds int, on ...live.Status) {
	for range seconds {
		s.now = s.now.Add(time.Second)
		s.keep(s.look(s.now, on))
	}
}

// of returns the broadcasts of ann.
func (s *studio) of(want int) []Broadcast {
	s.t.Helper()
	all, err := s.Of("ann")
	if err != nil || len(all) != want {
		s.t.Fatalf("%d broadcasts, want %d: %+v, %v", len(all), want, all, err)
	}
	return all
}

// ann on air since a second after noon, as the publisher that came then.
func ann(came, viewers int, bytes uint64) live.Status {
	return live.Status{Channel: "ann", State: live.Live, Since: noon.Add(time.Second), Came: noon.Add(time.Duration(came) * time.Second),
		Viewers: viewers, Received: live.Received{VideoBytes: bytes}, SentBy: map[live.Path]uint64{live.ByPush: bytes * 2}}
}

func TestABroadcastIsWrittenDownAMinuteAfterItsEnd(t *testing.T) {
	s := open(t, t.TempDir())
	s.pass(1, ann(0, 0, 1000))
	s.pass(10, ann(0, 14, 5000))
	s.pass(9, ann(0, 3, 9000))
	if b := s.of(1)[0]; !b.Open || b.Peak != 14 {
		t.Errorf("on air: %+v", b)
	}
	s.pass(59)
	if b := s.of(1)[0]; !b.Open {
		t.Errorf("within a minute: %+v", b)
	}
	s.pass(2)
	b := s.of(1)[0]
	want := Broadcast{Channel: "ann", Title: "ann plays", Start: noon.Add(time.Second), End: noon.Add(20 * time.Second),
		Peak: 14, Watched: 167, Measured: 20, Received: 9000, Sent: 18000}
	if b != want || b.Average() < 8.3 || b.Average() > 8.4 {
		t.Errorf("\n got %+v\nwant %+v", b, want)
	}
}

func TestWhoComesBackWithinAMinuteGoesOn(t *testing.T) {
	lost := ann(0, 5, 1000)
	lost.State = live.Lost
	for name, c := range map[string]struct {
		gap           func(*studio)
		back          live.Status
		broadcasts    int
		interruptions int
	}{
		"after a goodbye":            {func(s *studio) { s.pass(20) }, ann(30, 5, 1500), 1, 1},
		"after silence":              {func(s *studio) { s.pass(20, lost) }, ann(0, 5, 1500), 1, 1},
		"taking over":                {func(*studio) {}, ann(30, 5, 1500), 1, 1},
		"a second unseen":            {func(s *studio) { s.pass(1) }, ann(0, 5, 1500), 1, 0},
		"after more than the minute": {func(s *studio) { s.pass(62) }, ann(90, 5, 500), 2, 0},
	} {
		s := open(t, t.TempDir())
		s.pass(10, ann(0, 5, 1000))
		c.gap(s)
		if c.broadcasts > 1 {
			c.back.Since = s.now
		}
		s.pass(10, c.back)
		if b := s.of(c.broadcasts)[0]; b.Interruptions != c.interruptions || c.broadcasts == 1 && b.Received != 1500 {
			t.Errorf("%s: %+v", name, b)
		}
	}
}

func TestABroadcastThatACrashCutOffIsClosedAtTheNextStart(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	s.pass(10, ann(0, 5, 1000))
	s.keep(s.running()) // the checkpoint
	s.pass(10, ann(0, 9, 2000))
	s.st.Close() // what came after the checkpoint was in memory only
	next := open(t, dir)
	if b := next.of(1)[0]; b.Open || !b.CutOff || b.Peak != 5 || !b.End.Equal(noon.Add(10*time.Second)) {
		t.Errorf("%+v", b)
	}
	next.pass(5, ann(0, 1, 10))
	if b := next.of(1)[0]; !b.Open {
		t.Errorf("the same start again: %+v", b)
	}
}

func TestARegularEndClosesWhatIsOnAir(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	s.pass(10, ann(0, 5, 1000))
	s.keep(s.end())
	s.st.Close()
	if b := open(t, dir).of(1)[0]; b.Open || b.CutOff || !b.End.Equal(noon.Add(10*time.Second)) {
		t.Errorf("%+v", b)
	}
}

func TestOnlyTheNewestAreKeptAndOnlyOwnOnes(t *testing.T) {
	s := open(t, t.TempDir())
	var many []Broadcast
	for i := range most + 20 {
		many = append(many, Broadcast{Channel: "ann", Start: noon.Add(time.Duration(i) * time.Hour)})
	}
	if err := s.write(many); err != nil {
		t.Fatal(err)
	}
	if all := s.of(most); !all[0].Start.Equal(many[len(many)-1].Start) || !all[most-1].Start.Equal(many[20].Start) {
		t.Errorf("kept from %v to %v", all[most-1].Start, all[0].Start)
	}
	relayed := ann(0, 5, 1000)
	relayed.Channel = tv.ChannelName("bob").At("aaaaaaaaaaaaaaaa")
	near := ann(0, 5, 1000)
	near.Channel = "ann-2" // its rows stand beside ann's
	s.pass(70, relayed, near)
	if _, found, err := s.Last(relayed.Channel); found || err != nil {
		t.Errorf("another host's broadcast was written down here: %v", err)
	}
	s.of(most)
}

func TestADiskThatRefusesCostsRowsAndALine(t *testing.T) {
	s := open(t, t.TempDir())
	s.st.Close()
	s.pass(3, ann(0, 5, 1000))
	if !bytes.Contains(s.log.Bytes(), []byte("could not be written down")) {
		t.Errorf("the log says %q", s.log.String())
	}
	if b, open := s.History.now("ann"); !open || b.Peak != 5 {
		t.Errorf("and the broadcast was forgotten: %+v", b)
	}
	if _, err := s.Of("ann"); err == nil {
		t.Error("a store that cannot be read is no empty list")
	}
}
