package live

import (
	"time"

	"echo.tv/server/tv"
)

// State is what a viewer may be told about a channel.
type State string

// The states of a channel. Lost is for a publisher that went silent without
// goodbye.
const (
	Offline  State = "offline"
	Starting State = "starting" // publish accepted, no key frame yet
	Live     State = "live"
	Lost     State = "lost"
)

// Status is a copy of what is known of a channel at one moment.
type Status struct {
	Channel   tv.ChannelName
	State     State
	Since     time.Time // first key frame of the broadcast; zero before it
	Video     VideoInfo
	Audio     AudioInfo
	Bitrate   int             // media received, bit/s over the last two seconds
	Rates     Rates           // the same over the last ten, and what was sent
	Received  Received        // since the channel is on air
	Chunks    uint64          // frames that were put on air
	Dropped   uint64          // pictures that were not; of sound alone, frames
	Jumps     uint64          // how often this publisher's clock left its line
	Viewers   int             // player sessions that took media in the last 15 s
	ViewersBy map[Path]int    // the same by path; paths without any are missing
	SentBy    map[Path]uint64 // bytes of media sent since the channel is on air; every path is there
	Picture   uint64          // changes when a newer still picture exists

	Publishing bool // a publisher is connected, silent or not

	// For the channel's owner and the host only.
	KeyID, KeyLabel string
	Remote          string // the publisher's address
	Encoder         string // what the publisher calls itself
	Announced       Announced
	Came            time.Time // when this publisher was accepted
}

// Announced is what a publisher says of its stream beside the media, and what
// was seen beside the media that goes on air. Zero fields were not said.
type Announced struct {
	FPS                        float64
	VideoBitrate, AudioBitrate int  // bit/s
	Renditions                 bool // further pictures of the same (OBS's Enhanced Broadcasting); nobody gets them
}

// VideoInfo describes the picture; the zero value means there is none.
type VideoInfo struct {
	Codec         string
	Profile       string  // as people name it, such as High; empty when not known
	Compat        int     // H.264's constraint flags
	Level         float64 // such as 4.1; 0 when not known
	Width, Height int
	FPS           float64       // as announced, else as measured
	KeyInterval   time.Duration // distance of the last two key frames; 0 until there were two
}

// AudioInfo describes the sound; the zero value means there is none.
type AudioInfo struct {
	Codec                string
	Profile              string // LC, HE or HEv2; empty for others
	SampleRate, Channels int
}

// describe fills in what the tracks say.
func (s *Status) describe(tracks []Track) {
	s.Video, s.Audio = VideoInfo{}, AudioInfo{}
	for _, t := range tracks {
		p := profileOf(t.Codec)
		if t.Video() {
			s.Video = VideoInfo{Codec: t.Codec.Name(), Profile: p.name, Compat: p.compat, Level: p.level,
				Width: t.Width, Height: t.Height, FPS: t.FPS}
		} else {
			s.Audio = AudioInfo{Codec: t.Codec.Name(), Profile: p.name, SampleRate: t.SampleRate, Channels: t.Channels}
		}
	}
}
