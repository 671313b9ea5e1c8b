package server

import (
	"context"
	"net/netip"

	"echo.tv/server/relay"
	"echo.tv/server/tv"
)

// newRelays returns what shows the channels of other hosts here.
func (s *Server) newRelays() *relay.Relays {
	return relay.New(relay.Config{
		Log: s.log("relay"), Self: s.peers.Self().ID, Hosts: s.peers, Publish: s.publish,
		Viewers: func(name tv.ChannelName) int { return s.hub.Status(name).Viewers },
	})
}

// away is the other hosts as the faces see them, which are made before.
type away struct{ *Server }

// FetchVia puts a channel on air here on behalf of hosts, and Fetch of viewers.
func (a away) FetchVia(ctx context.Context, name tv.ChannelName, via []tv.HostID) error {
	return a.relays.Fetch(ctx, name, via)
}

func (a away) Fetch(ctx context.Context, name tv.ChannelName) error {
	return a.relays.Fetch(ctx, name, nil)
}

// Still returns the picture of a channel there.
func (a away) Still(ctx context.Context, name tv.ChannelName) ([]byte, error) {
	return a.relays.Still(ctx, name)
}

// IsPeer reports whether another echo.tv is at ip.
func (a away) IsPeer(ip netip.Addr) bool { return a.peers.IsPeer(ip) }
