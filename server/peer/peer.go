// Package peer finds the other echo.tv machines of the network and keeps what
// they say of themselves: who they are, where they are reached and what is on
// there. It announces this host in the same way. It plays nobody's media; relay
// does.
//
// # Hints and proof
//
// mDNS, a broadcast beacon and addresses that people type only hint that a host
// may be somewhere. What counts is one long HTTP request to it, its directory,
// whose lines are signed with the key that is the host's identity, for the very
// address and request that asked. That one request is how a host is proven, how
// its channels come and how we see that it is there: it says something every
// second. When it breaks off, or five seconds pass without a line, one more dial
// decides; then the host is Gone, and 30 s later forgotten. A goodbye is a signed
// line as well; one by mDNS, which anybody can send, only makes us dial.
//
// Whoever first has a name is remembered by it, so that a copy of a name can be
// told from it; the names themselves prove nothing.
//
// # Strangers
//
// All that comes in is by strangers. Where we go, guard decides; what we keep,
// check; how often we look, allowance; how many addresses we try, link. None of
// it can make us follow a redirect, unpack anything, wait longer than a line may
// take, or keep more than 256 hosts of 100 channels.
//
// # Under load
//
// Each followed host costs a goroutine, a connection and one Ed25519 check a
// second; each that follows us, one signature. What is said of this host is made
// once for all of them, five times a second at most. Readers take copies under
// one short lock. Nothing here is on the way of media.
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
