package peer

import (
	"crypto/ed25519"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func TestTextIsMadeFitToBeShown(t *testing.T) {
	for in, want := range map[string]string{
		"Chess":                           "Chess",
		"  two\n\tlines \r\n":             "two lines",
		"\u202eevil\u202c":                "evil",
		"\u2066a\u2069\u200e\u200f\u061c": "a",
		"a\x00b\x1b[31mc\u0085":           "ab[31mc",
		"zero\u200bwidth\ufeff":           "zerowidth",
		"\u2028next":                      "next",
		"👩\u200d👧":                        "👩\u200d👧",
		"שלום":                            "שלום",
		"\xff\xfe":                        "",
		"<b>&amp;":                        "<b>&amp;",
		strings.Repeat("ж", 101):          strings.Repeat("ж", 100),
	} {
		if got := clean(in, 100); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestWhatIsNoChannelIsDropped(t *testing.T) {
	s := statement{Channels: []Channel{
		{Name: "ann", State: "live", Viewers: -5, Bitrate: -1, Width: 1 << 30, FPS: 1e300, VideoCodec: strings.Repeat("x", 99)},
		{Name: "ann", State: "live", Title: "again"},
		{Name: "bob", State: "offline"},
		{Name: "cyd", State: "LIVE"},
		{Name: "../etc", State: "live"},
		{Name: "Dan", State: "live"},
		{Name: "eve@aaaaaaaaaaaaaaaa", State: "live"},
		{Name: "", State: "live"},
	}}
	s.check(noon, 0)
	if len(s.Channels) != 1 || s.Name == "" {
		t.Fatalf("kept %+v", s)
	}
	if c := s.Channels[0]; c.Viewers != 0 || c.Bitrate != 0 || c.Width != 1<<14 || c.FPS != 1000 || len(c.VideoCodec) != maxWord {
		t.Errorf("kept %+v", c)
	}
}

// A host whose clock is a year off is live since an hour all the same.
func TestAWrongClockThereMakesNothingWrongHere(t *testing.T) {
	for name, c := range map[string]struct {
		since  time.Time
		behind time.Duration
		want   time.Time
	}{
		"the same clock":   {noon.Add(-time.Hour), 0, noon.Add(-time.Hour)},
		"a year behind":    {noon.AddDate(-1, 0, 0).Add(-time.Hour), noon.Sub(noon.AddDate(-1, 0, 0)), noon.Add(-time.Hour)},
		"an hour ahead":    {noon.Add(time.Hour - time.Minute), -time.Hour, noon.Add(-time.Minute)},
		"not begun":        {time.Time{}, time.Hour, time.Time{}},
		"in the future":    {noon.Add(time.Hour), 0, noon},
		"before computers": {time.Date(3, 1, 1, 0, 0, 0, 0, time.UTC), 0, time.Time{}},
		"beyond all years": {time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), 1<<63 - 1, noon},
		"no clock at all":  {noon, -1 << 63, time.Time{}},
	} {
		if got := sane(c.since, noon, c.behind); !got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestAClockThatJumpsWhileWeFollowIsFollowed(t *testing.T) {
	kim := newLiar()
	p, r := &pen{key: kim.key, asked: "a", nonce: "n"}, &reader{asked: "a", nonce: "n"}
	say := func(clock time.Time) time.Time {
		raw, _ := json.Marshal(statement{Name: "Kim", Channels: []Channel{{Name: "ann", State: "live", Since: clock.Add(-time.Hour)}}})
		n, err := r.read(p.write(clock, raw, false), noon)
		if err != nil {
			t.Fatal(err)
		}
		return n.say.Channels[0].Since
	}
	steady := say(noon.Add(-3 * time.Second)) // its clock is lazy, and stays so
	if next := say(noon.Add(-2 * time.Second)); next.Sub(steady) != time.Second {
		t.Errorf("a second's difference moved it by %v", next.Sub(steady))
	}
	for _, clock := range []time.Time{noon.Add(24 * time.Hour), noon.AddDate(-20, 0, 0), noon} {
		if got := say(clock); got.Sub(noon.Add(-time.Hour)).Abs() > clockSlack {
			t.Errorf("with a clock at %v it began at %v", clock, got)
		}
	}
}

func FuzzLine(f *testing.F) {
	kim := newLiar()
	p := &pen{key: kim.key, asked: "a", nonce: "n"}
	f.Add(p.write(noon, []byte(`{"name":"Kim","channels":[{"name":"ann","state":"live","since":"2026-05-01T12:00:00Z"}]}`), false))
	f.Add([]byte(`{"key":"","seq":1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := &reader{asked: "a", nonce: "n"}
		if n, err := r.read(raw, noon); err == nil && n.id != idOf(ed25519.PublicKey(kim.key[32:])) && !strings.Contains(string(raw), "key") {
			t.Errorf("%q was proven to be of %s", raw, n.id)
		}
	})
}

func FuzzStatement(f *testing.F) {
	f.Add([]byte(`{"name":"Kim","channels":[{"name":"ann","state":"live","since":"9999-12-31T23:59:59Z","fps":1e308}]}`), int64(1)<<62)
	f.Fuzz(func(t *testing.T, raw []byte, behind int64) {
		var s statement
		if json.Unmarshal(raw, &s) != nil {
			return
		}
		s.check(noon, time.Duration(behind))
		if len(s.Channels) > maxChannels || utf8.RuneCountInString(s.Name) > maxName {
			t.Errorf("%d channels, name %q", len(s.Channels), s.Name)
		}
		if _, err := json.Marshal(s); err != nil {
			t.Errorf("what was checked cannot be told: %v", err)
		}
	})
}

func FuzzHints(f *testing.F) {
	f.Add(packet(f, true, "echotv-kkkkkkkkkkkkkkkk._echotv._tcp.local. 120 IN SRV 0 0 5175 x.local."))
	f.Add([]byte("echo.tv 1 kkkkkkkkkkkkkkkk 5175\n"))
	from := netip.MustParseAddr("192.168.7.2")
	f.Fuzz(func(t *testing.T, raw []byte) {
		all := announced(raw, from)
		if h, ok := parseBeacon(raw, from); ok {
			all = append(all, h)
		}
		for _, h := range all {
			if h.at.Addr() != from || h.at.Port() < 1024 || h.id == "" {
				t.Errorf("%q hints at %+v", raw, h)
			}
		}
	})
}

func FuzzTyped(f *testing.F) {
	f.Add("http://[::1]:5175/")
	f.Add("kim-pc")
	f.Fuzz(func(t *testing.T, text string) {
		address, err := parseTyped(text)
		if err != nil {
			return
		}
		if again, err := parseTyped(address); err != nil || again != address {
			t.Errorf("%q is %q and then %q (%v)", text, address, again, err)
		}
	})
}
