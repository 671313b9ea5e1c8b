// Package peer finds the other echo.tv machines of the network and keeps what
// they say of themselves: who they are, where they are reached and what is on
// there. It announces this host in the same way.
package peer

import (
	"net/netip"
	"time"

	"echo.tv/server/tv"
)

// Presence is how sure we are of a host.
type Presence string

// Here is a host whose directory follows live; Gone one that said goodbye or
// broke off, shown dimmed until it is forgotten 30 s later.
const (
	Here Presence = "here"
	Gone Presence = "gone"
)

// Host is another echo.tv as it described itself, checked. Immutable.
type Host struct {
	ID       tv.HostID
	Name     string // as its owner calls it; at most 60 characters, fit to be shown
	Version  string // of its echo.tv
	Words    string // four words of its key, to be compared by voice
	Addr     netip.AddrPort
	Presence Presence
	Since    time.Time // of Presence
	Typed    bool      // somebody typed its address; it is remembered
	Warning  string    // one sentence when its identity is odd: "calls itself Kim's laptop, but is another computer than last time"
	Instead  tv.HostID // with Warning: the host that people know by this name or address
	Channels []Channel
}

// Channel is what a host says of one channel, and the wire form of it.
type Channel struct {
	Name       tv.ChannelName `json:"name"`
	Title      string         `json:"title"`
	Category   string         `json:"category"`
	State      string         `json:"state"` // live, lost or starting; what is off the air is not told
	Since      time.Time      `json:"since,omitzero"`
	Viewers    int            `json:"viewers"`
	Width      int            `json:"width"`
	Height     int            `json:"height"`
	FPS        float64        `json:"fps"`
	VideoCodec string         `json:"videoCodec"`
	AudioCodec string         `json:"audioCodec"`
	Bitrate    int            `json:"bitrate"` // bit/s
	Picture    uint64         `json:"picture"` // changes when thumb.mp4 does
}
