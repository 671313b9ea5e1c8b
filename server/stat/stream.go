package stat

import (
	"math"
	"time"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// StreamFigures are those of one channel since it is on air.
type StreamFigures struct {
	Channel    tv.ChannelName `json:"channel"`
	Host       tv.HostID      `json:"host" doc:"The host it is relayed from; empty for a channel of this one"`
	State      live.State     `json:"state" enum:"starting,live,lost"`
	Publishing bool           `json:"publishing" doc:"Whether a publisher is connected, silent or not"`
	Since      *time.Time     `json:"since" doc:"When the first picture came; null while there is none"`
	Seconds    float64        `json:"seconds" doc:"On air, or since the publisher came"`

	BytesIn   uint64 `json:"bytesIn"`
	BytesOut  uint64 `json:"bytesOut"`
	BitsIn    int    `json:"bitsIn" doc:"bit/s over the last 10 s"`
	BitsVideo int    `json:"bitsVideo" doc:"bit/s over the last 10 s"`
	BitsAudio int    `json:"bitsAudio" doc:"bit/s over the last 10 s"`
	BitsOut   int    `json:"bitsOut" doc:"bit/s over the last 10 s"`
	BitsNow   int    `json:"bitsNow" doc:"What comes in, bit/s over the last 2 s"`

	Picture PictureFigures `json:"picture"`
	Sound   SoundFigures   `json:"sound"`
	Dropped uint64         `json:"dropped" doc:"Pictures of the publisher that could not be put on air; of sound alone, frames"`

	Viewers   int            `json:"viewers"`
	ViewersBy ByPath[int]    `json:"viewersBy"`
	BytesBy   ByPath[uint64] `json:"bytesBy" doc:"BytesOut by path"`

	Address string `json:"address" doc:"Of the publisher; for admins, else empty"`
	Encoder string `json:"encoder" doc:"What the publisher calls itself; for admins, else empty"`
	Key     string `json:"key" doc:"Name of the stream key in use; for admins and the channel's owner, else empty"`

	compat int
}

// PictureFigures are zero where there is no picture.
type PictureFigures struct {
	Codec       string  `json:"codec" doc:"For a person, such as H.264"`
	Profile     string  `json:"profile"`
	Level       float64 `json:"level"`
	Width       int     `json:"width"`
	Height      int     `json:"height"`
	FPS         float64 `json:"fps"`
	KeyInterval float64 `json:"keyInterval" doc:"Seconds between the last two key frames; 0 when not known yet"`
	Frames      uint64  `json:"frames" doc:"Received"`
}

// SoundFigures are zero where there is no sound.
type SoundFigures struct {
	Codec      string `json:"codec"`
	Profile    string `json:"profile"`
	SampleRate int    `json:"sampleRate"`
	Channels   int    `json:"channels"`
	Frames     uint64 `json:"frames" doc:"Received"`
}

// streamFigures leaves out what r may not know.
func streamFigures(c live.Status, r Reader, now time.Time) StreamFigures {
	name, host := c.Channel.Split()
	f := StreamFigures{
		Channel: c.Channel, Host: host, State: c.State, Publishing: c.Publishing, Seconds: seconds(max(0, now.Sub(c.Came))),
		BytesIn: c.Received.Bytes(), BitsIn: c.Rates.In(), BitsVideo: c.Rates.Video, BitsAudio: c.Rates.Audio,
		BitsOut: c.Rates.Sent, BitsNow: c.Bitrate, Dropped: c.Dropped,
		Viewers: c.Viewers, ViewersBy: byPath(c.ViewersBy), BytesBy: byPath(c.SentBy), compat: c.Video.Compat,
		Picture: PictureFigures{Codec: c.Video.Codec, Profile: c.Video.Profile, Level: rounded(c.Video.Level, 10),
			Width: c.Video.Width, Height: c.Video.Height, FPS: rounded(c.Video.FPS, 1000),
			KeyInterval: seconds(c.Video.KeyInterval), Frames: c.Received.Pictures},
		Sound: SoundFigures{c.Audio.Codec, c.Audio.Profile, c.Audio.SampleRate, c.Audio.Channels, c.Received.Sounds},
	}
	f.BytesOut = f.BytesBy.sum()
	if !c.Since.IsZero() {
		since := c.Since.UTC().Truncate(time.Millisecond)
		f.Since, f.Seconds = &since, seconds(max(0, now.Sub(c.Since)))
	}
	if r.Admin {
		f.Address, f.Encoder = c.Remote, c.Encoder
	}
	if r.Admin || (host == "" && name == r.Name) {
		f.Key = c.KeyLabel
	}
	return f
}

// rounded keeps JSON short. What a publisher's bytes may claim, such as 0/0
// pictures per second, has no JSON and is 0.
func rounded(v, steps float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return math.Round(v*steps) / steps
}
