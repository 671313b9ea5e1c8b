package guide

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func TestOnAirComesFirstAndNothingJumps(t *testing.T) {
	onAir := func(name tv.ChannelName, s live.State, began time.Time, viewers int) live.Status {
		return live.Status{Channel: name, State: s, Since: began, Viewers: viewers}
	}
	for _, c := range []struct {
		name  string
		on    []live.Status
		known []Profile
		most  int
		want  string
	}{
		{"nothing at all", nil, nil, 9, ""},
		{"the known by name", nil, []Profile{{Name: "cy"}, {Name: "ann"}}, 9, "ann cy"},
		{"on air before the known", []live.Status{onAir("cy", live.Live, noon, 0)}, []Profile{{Name: "ann"}, {Name: "cy"}}, 9, "cy ann"},
		{"longest on air first, whoever watches", []live.Status{onAir("ann", live.Live, noon.Add(time.Hour), 50), onAir("bob", live.Live, noon, 1)}, nil, 9, "bob ann"},
		{"a lost signal keeps its place", []live.Status{onAir("ann", live.Lost, noon, 0), onAir("bob", live.Live, noon.Add(time.Hour), 0)}, nil, 9, "ann bob"},
		{"about to start comes between", []live.Status{onAir("ann", live.Starting, time.Time{}, 0), onAir("bob", live.Live, noon, 0)}, []Profile{{Name: "aaron"}}, 9, "bob ann aaron"},
		{"on air without a profile", []live.Status{onAir("gone", live.Live, noon, 0)}, []Profile{{Name: "ann"}}, 9, "gone ann"},
		{"the known fall off first", []live.Status{onAir("zoe", live.Live, noon, 0)}, []Profile{{Name: "ann"}, {Name: "bob"}}, 2, "zoe ann"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, e := range merge(c.on, c.known, c.most) {
				got = append(got, string(e.Channel))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestAnEntryTellsTheProfileAndNoSecret(t *testing.T) {
	on := []live.Status{{
		Channel: "ann", State: live.Live, Since: noon, Viewers: 3, Bitrate: 4_000_000, Picture: 7,
		Video: live.VideoInfo{Codec: "H.264", Width: 1920, Height: 1080, FPS: 59.94006},
		Audio: live.AudioInfo{Codec: "AAC"},
		KeyID: "KEYID", KeyLabel: "KEYLABEL", Remote: "192.0.2.7:4000", Encoder: "ENCODER",
	}}
	got, err := json.Marshal(merge(on, []Profile{{Name: "ann", Title: "Chess", Category: "Games"}}, 9))
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"channel":"ann","name":"ann","title":"Chess","category":"Games","state":"live","since":"2026-05-01T12:00:00Z","viewers":3,` +
		`"width":1920,"height":1080,"fps":59.94,"videoCodec":"H.264","audioCodec":"AAC","bitrate":4000000,"picture":7,"host":"",` +
		`"hostId":"","words":"","warning":"","presence":"here","goneSince":null,"address":""}]`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A publisher chooses the bytes that the frame rate is computed from. NaN and
// infinity have no JSON, so one hostile stream could have emptied every list.
func TestAnImpossibleFrameRateDoesNotVoidTheList(t *testing.T) {
	for _, fps := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		on := []live.Status{{Channel: "mallory", State: live.Live, Video: live.VideoInfo{FPS: fps}}}
		if _, err := json.Marshal(merge(on, nil, 9)); err != nil {
			t.Errorf("%v: %v", fps, err)
		}
	}
}

// book is a directory of profiles that a test can change.
type book struct {
	rows []Profile
	err  error
}

func (b *book) Profiles(most int) ([]Profile, error) {
	return append([]Profile(nil), b.rows[:min(most, len(b.rows))]...), b.err
}

func (b *book) Profile(name tv.ChannelName) (Profile, bool, error) {
	for _, p := range b.rows {
		if p.Name == name {
			return p, true, b.err
		}
	}
	return Profile{}, false, b.err
}

func newHub() *live.Hub {
	return live.NewHub(live.Config{Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
}

func TestAChannelOnAirIsListedHoweverManyAreKnown(t *testing.T) {
	hub, b := newHub(), &book{}
	for i := range Most {
		b.rows = append(b.rows, Profile{Name: tv.ChannelName(rune('a'+i/10)) + tv.ChannelName(rune('0'+i%10))})
	}
	b.rows = append(b.rows, Profile{Name: "zoe", Title: "Late in the alphabet"})
	s, err := hub.Publish(live.Publisher{Channel: "zoe"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(nil)
	list, err := New(hub, b, nil).List()
	if err != nil || len(list) != Most || list[0].Title != "Late in the alphabet" {
		t.Errorf("got %d entries, first %+v, %v", len(list), list[0], err)
	}
}

func TestGetKnowsOnlyNamesThatSomebodyHas(t *testing.T) {
	g := New(newHub(), &book{rows: []Profile{{Name: "ann", Title: "Chess"}}}, nil)
	if e, ok, err := g.Get("ann"); !ok || err != nil || e.State != live.Offline || e.Title != "Chess" {
		t.Errorf("ann: %+v %v %v", e, ok, err)
	}
	if e, ok, err := g.Get("nobody"); ok || err != nil {
		t.Errorf("nobody: %+v %v %v", e, ok, err)
	}
}

func TestAFailingStoreIsAnErrorNotAnEmptyList(t *testing.T) {
	g := New(newHub(), &book{err: errors.New("damaged page")}, nil)
	if _, err := g.List(); err == nil {
		t.Error("List returned no error")
	}
	if _, _, err := g.Get("ann"); err == nil {
		t.Error("Get returned no error")
	}
}

func TestAMarkEndsAtTheNextChangeOfEitherKind(t *testing.T) {
	hub := newHub()
	f := newNetwork()
	g := New(hub, &book{}, f)
	for name, change := range map[string]func(){
		"a publisher comes": func() {
			s, err := hub.Publish(live.Publisher{Channel: "ann"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close(nil) })
		},
		"a profile changes":    g.Touch,
		"another host changes": func() { f.become() },
	} {
		t.Run(name, func(t *testing.T) {
			m := g.Mark()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := m.Wait(ctx); err == nil {
				t.Fatal("Wait returned before the change")
			}
			change()
			if err := m.Wait(t.Context()); err != nil {
				t.Errorf("Wait after the change: %v", err)
			}
		})
	}
}
