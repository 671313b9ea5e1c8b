package guide

import (
	"cmp"
	"math"
	"slices"
	"time"

	"echo.tv/server/live"
	"echo.tv/server/peer"
	"echo.tv/server/tv"
)

// Entry is one channel as everybody may see it.
type Entry struct {
	Channel    tv.ChannelName `json:"channel" doc:"What to ask and to play it by here: ann, or ann@<host id>"`
	Name       tv.ChannelName `json:"name" doc:"What people call it, such as ann"`
	Title      string         `json:"title"`
	Category   string         `json:"category"`
	State      live.State     `json:"state" enum:"offline,starting,live,lost"`
	Since      *time.Time     `json:"since" doc:"When the first picture came; null while there is none"`
	Viewers    int            `json:"viewers"`
	Width      int            `json:"width" doc:"Pixels; 0 without a picture"`
	Height     int            `json:"height"`
	FPS        float64        `json:"fps" doc:"Pictures per second; 0 when not known"`
	VideoCodec string         `json:"videoCodec" doc:"For a person, such as H.264; empty without a picture"`
	AudioCodec string         `json:"audioCodec" doc:"For a person, such as AAC; empty without sound"`
	Bitrate    int            `json:"bitrate" doc:"What the publisher sends, bit/s"`
	Picture    uint64         `json:"picture" doc:"Changes when /hls/<channel>/thumb.mp4 does; 0 when there is none"`
	Host       string         `json:"host" doc:"The machine that has the channel, as its owner calls it; empty for this one"`
	HostID     tv.HostID      `json:"hostId" doc:"Which machine that is; empty for this one"`
	Words      string         `json:"words" doc:"Four words of that machine's key, to be compared by voice; empty for this one"`
	Warning    string         `json:"warning" doc:"One sentence when that machine's identity is odd; empty else"`
	Presence   peer.Presence  `json:"presence" enum:"here,gone" doc:"Whether the machine answers; a gone one is forgotten after 30 s"`
	GoneSince  *time.Time     `json:"goneSince" doc:"Null while the machine is here"`
	Address    string         `json:"address" doc:"The machine's own pages, such as http://192.168.1.7:5175; empty for this one"`
}

// entry drops what the public must not know and what JSON cannot say.
func entry(s live.Status, p Profile) Entry {
	e := Entry{
		Channel: s.Channel, Name: s.Channel, Title: p.Title, Category: p.Category,
		State: s.State, Since: moment(s.Since), Viewers: s.Viewers, Bitrate: s.Bitrate, Picture: s.Picture,
		Width: s.Video.Width, Height: s.Video.Height, VideoCodec: s.Video.Codec, AudioCodec: s.Audio.Codec,
		Presence: peer.Here,
	}
	// An SPS may claim 0/0 pictures per second; one NaN would void the whole list.
	if fps := s.Video.FPS; !math.IsNaN(fps) && !math.IsInf(fps, 0) {
		e.FPS = math.Round(fps*100) / 100
	}
	return e
}

// moment is t for JSON, nil when there is none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}

// merge makes one list of what is on air here and what is known, in order. What
// is over most falls off the end.
func merge(on []live.Status, known []Profile, most int) []Entry {
	profiles := make(map[tv.ChannelName]Profile, len(known))
	for _, p := range known {
		profiles[p.Name] = p
	}
	list := make([]Entry, 0, len(on)+len(known))
	for _, s := range on {
		list = append(list, entry(s, profiles[s.Channel]))
		delete(profiles, s.Channel)
	}
	for _, p := range profiles {
		list = append(list, entry(live.Status{Channel: p.Name, State: live.Offline}, p))
	}
	slices.SortFunc(list, before)
	return list[:min(len(list), most)]
}

// before orders a list: on air by start, so that no card moves when another one
// comes; then those about to start; then the rest by name.
func before(a, b Entry) int {
	return cmp.Or(cmp.Compare(place(a), place(b)), began(a).Compare(began(b)), cmp.Compare(a.Channel, b.Channel))
}

func place(e Entry) int {
	switch e.State {
	case live.Live, live.Lost:
		return 0
	case live.Starting:
		return 1
	}
	return 2
}

func began(e Entry) time.Time {
	if e.Since == nil {
		return time.Time{}
	}
	return *e.Since
}
