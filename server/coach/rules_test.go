package coach

import (
	"strings"
	"testing"
	"time"

	"echo.tv/server/live"
)

// fine is a stream about which there is nothing to say.
func fine() view {
	v := view{shown: true, waited: time.Hour, budget: BudgetOf(Link{Wire, 1000}, 6e6, 30e6, 0, 30e6)}
	v.status = live.Status{State: live.Live, Bitrate: 6e6, Viewers: 5, Remote: "192.168.1.30",
		Video: live.VideoInfo{Codec: "H.264", FPS: 30}, Audio: live.AudioInfo{Codec: "AAC"},
		Announced: live.Announced{FPS: 30, VideoBitrate: 6e6, AudioBitrate: 160e3}}
	for range window {
		v.run = append(v.run, Sample{Bits: 6e6, Wire: 6e6, FPS: 30, Key: time.Second, Sound: Audible})
	}
	return v
}

// each changes the samples from i on.
func (v *view) each(i int, change func(i int, s *Sample)) {
	for ; i < len(v.run); i++ {
		change(i, &v.run[i])
	}
}

func TestEachRuleTellsWhatIsAndWhatIsWanted(t *testing.T) {
	for name, c := range map[string]struct {
		bad  func(*view)
		id   string
		how  Severity
		says string
	}{
		"nothing wrong":              {func(*view) {}, "", "", ""},
		"nothing came":               {func(v *view) { v.shown, v.run, v.waited = false, nil, 7*time.Second }, "no_media", Bad, "7 s and no picture"},
		"nothing came yet":           {func(v *view) { v.shown, v.run, v.waited = false, nil, 2*time.Second }, "", "", ""},
		"HEVC":                       {func(v *view) { v.status.Video.Codec = "HEVC" }, "codec", Warn, "HEVC; H.264 is wanted"},
		"AV1":                        {func(v *view) { v.status.Video.Codec = "AV1" }, "codec", Warn, "AV1; H.264 is wanted"},
		"a link that is nearly full": {func(v *view) { v.budget = BudgetOf(Link{Air, 100}, 6e6, 42e6, 0, 42e6) }, "link_full", Warn, "42.0 Mb/s and this host's link carries about 50.0 Mb/s"},
		"a link that is full":        {func(v *view) { v.budget = BudgetOf(Link{Air, 100}, 6e6, 60e6, 0, 60e6) }, "link_full", Bad, "60.0 Mb/s"},
		"a link of unknown speed":    {func(v *view) { v.budget = BudgetOf(Link{Unknown, 0}, 6e6, 60e6, 0, 60e6) }, "", "", ""},
		"OBS's own key interval":     {func(v *view) { v.each(0, func(_ int, s *Sample) { s.Key = 8333 * time.Millisecond }) }, "key_interval", Bad, "every 8.3 s; 1 s is wanted: viewers join up to 8.3 s behind, old televisions 25 s"},
		"keys as x264 says":          {func(v *view) { v.promised = 4 * time.Second; v.each(0, func(_ int, s *Sample) { s.Key = 0 }) }, "key_interval", Warn, "every 4 s"},
		"a key interval of 2 s":      {func(v *view) { v.each(0, func(_ int, s *Sample) { s.Key = 2040 * time.Millisecond }) }, "", "", ""},
		"a slow radio":               {func(v *view) { v.run[10].Late, v.run[30].Late = time.Second, 1800*time.Millisecond }, "stalls", Warn, "up to 1.8 s late, 2 times in the last minute; under 0.3 s is wanted (most likely Wi-Fi"},
		"one hiccup":                 {func(v *view) { v.run[10].Late = 700 * time.Millisecond }, "", "", ""},
		"a busy computer":            {func(v *view) { v.status.Remote = "127.0.0.1"; v.run[50].Late = 4 * time.Second }, "stalls", Bad, "this computer is too busy"},
		"half the pictures":          {func(v *view) { v.each(0, func(_ int, s *Sample) { s.FPS = 12 }) }, "fps", Bad, "12 pictures a second come; 30 were promised"},
		"some pictures missing":      {func(v *view) { v.each(0, func(_ int, s *Sample) { s.FPS = 24 }) }, "fps", Warn, "24 pictures a second"},
		"the network, not the coder": {func(v *view) {
			v.each(50, func(_ int, s *Sample) { s.FPS = 12 })
			v.run[55].Late = 600 * time.Millisecond
		}, "", "", ""},
		"no promise of pictures":        {func(v *view) { v.status.Announced.FPS, v.status.Video.FPS = 0, 0 }, "", "", ""},
		"no sound track":                {func(v *view) { v.status.Audio.Codec = "" }, "sound", Warn, "no sound; one AAC track is wanted"},
		"sound alone":                   {func(v *view) { v.status.Video.Codec = "" }, "", "", ""},
		"silence":                       {func(v *view) { v.each(40, func(_ int, s *Sample) { s.Sound = Silent }) }, "sound", Warn, "silent for 20 seconds"},
		"a pause in the music":          {func(v *view) { v.each(50, func(_ int, s *Sample) { s.Sound = Silent }) }, "", "", ""},
		"sound that stopped":            {func(v *view) { v.each(0, func(_ int, s *Sample) { s.Sound = NoSound }) }, "sound", Warn, "more than a minute"},
		"a clock that jumps":            {func(v *view) { v.each(30, func(i int, s *Sample) { s.Jumps = uint64(min(i-29, 4)) }) }, "clock", Bad, "jumped 4 times"},
		"a jump long ago":               {func(v *view) { v.each(0, func(_ int, s *Sample) { s.Jumps = 4 }) }, "", "", ""},
		"a bit rate up and down":        {func(v *view) { v.each(0, func(i int, s *Sample) { s.Wire = 2e6 + i/10%2*9e6 }) }, "bitrate", Warn, "jumps between 2.0 Mb/s and 11.0 Mb/s"},
		"less than announced, at times": {func(v *view) { v.each(0, func(i int, s *Sample) { s.Wire = 1e6 + i/10%2*5e6 }) }, "", "", ""},
		"long groups of pictures": {func(v *view) {
			v.status.Announced = live.Announced{}
			v.each(0, func(i int, s *Sample) { s.Key = 2 * time.Second; s.Wire = 1e6 + (1-i%2)*5e6 })
		}, "", "", ""},
		"Enhanced Broadcasting": {func(v *view) { v.status.Announced.Renditions = true }, "renditions", Warn, "several pictures for Twitch"},
		"B-frames":              {func(v *view) { v.each(0, func(_ int, s *Sample) { s.Reorder = 67 * time.Millisecond }) }, "b_frames", Info, "by 67 ms; 0 is wanted"},
	} {
		v := fine()
		c.bad(&v)
		var d desk
		for range 10 {
			for i := range rules {
				d.told[i].ask(&rules[i], v)
			}
		}
		all := d.advice()
		switch {
		case c.id == "" && len(all) == 0:
		case len(all) != 1 || all[0].ID != c.id || all[0].Severity != c.how || !strings.Contains(all[0].Text, c.says):
			t.Errorf("%s: %+v", name, all)
		case !strings.Contains(all[0].Fix, "OBS") && !strings.Contains(all[0].Fix, "cable"):
			t.Errorf("%s: no way to mend it: %q", name, all[0].Fix)
		}
	}
}

func TestAdviceDoesNotFlicker(t *testing.T) {
	var d desk
	changes, told := 0, false
	keys := rules[4]
	for i := range 300 { // around the threshold, up and down every second
		v := fine()
		v.run[window-1].Key = longKey + time.Duration(1-i%2*2)*100*time.Millisecond
		d.told[4].ask(&keys, v)
		if d.told[4].told != told {
			changes, told = changes+1, !told
		}
	}
	if keys.id != "key_interval" || changes > 1 {
		t.Errorf("%s changed %d times", keys.id, changes)
	}
	for range keys.over {
		d.told[4].ask(&keys, fine())
	}
	if len(d.advice()) != 0 {
		t.Error("advice that was followed is not taken back")
	}
}

func TestABudgetIsWhatTheLinkCarries(t *testing.T) {
	for name, c := range map[string]struct {
		link                        Link
		bitrate, used, others, peak int
		want                        Budget
	}{
		"gigabit cable":          {Link{Wire, 1000}, 6e6, 60e6, 0, 60e6, Budget{Basis: ByLink, Carries: 900e6, Viewers: 150}},
		"beside other channels":  {Link{Wire, 1000}, 6e6, 660e6, 600e6, 660e6, Budget{Basis: ByLink, Carries: 900e6, Viewers: 50}},
		"nearly full":            {Link{Wire, 100}, 6e6, 72e6, 0, 72e6, Budget{Basis: ByLink, Carries: 90e6, Viewers: 15, Near: true}},
		"others took it all":     {Link{Wire, 100}, 6e6, 95e6, 95e6, 95e6, Budget{Basis: ByLink, Carries: 90e6, Viewers: 0, Near: true}},
		"Wi-Fi":                  {Link{Air, 300}, 3e6, 0, 0, 0, Budget{Basis: ByLink, Carries: 150e6, Viewers: 50}},
		"a link nobody knows":    {Link{Unknown, 300}, 3e6, 0, 0, 0, Budget{Basis: ByLink, Carries: 150e6, Viewers: 50}},
		"no speed, but a record": {Link{Wire, 0}, 5e6, 10e6, 0, 42e6, Budget{Basis: Measured, Carries: 42e6, Viewers: 8}},
		"nothing known":          {Link{Unknown, 0}, 5e6, 0, 0, 0, Budget{Basis: Nothing}},
		"nothing on air":         {Link{Wire, 1000}, 0, 0, 0, 0, Budget{Basis: ByLink, Carries: 900e6}},
	} {
		c.want.Link, c.want.Used = c.link, c.used
		if got := BudgetOf(c.link, c.bitrate, c.used, c.others, c.peak); got != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, c.want)
		}
	}
}

func TestAFullLinkIsToldOnce(t *testing.T) {
	l, told := line{}, 0
	for _, mbit := range []int{10, 79, 81, 79, 81, 75, 80, 60, 81} { // of 100
		l.begin(Link{Air, 200})
		if l.add(mbit * 1e6); l.full() {
			told++
		}
	}
	if told != 2 {
		t.Errorf("told %d times, want at 81 and, after 60, at 81 again", told)
	}
}
