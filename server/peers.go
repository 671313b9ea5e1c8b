package server

import (
	"net"
	"net/netip"
	"time"

	"echo.tv/server/httpapi"
	"echo.tv/server/live"
	"echo.tv/server/peer"
)

// findPeers returns the other hosts of the network, who are told what is on here.
func (s *Server) findPeers() (*peer.Peers, error) {
	id, err := peer.LoadIdentity(s.cfg.DataDir)
	if err != nil {
		return nil, err
	}
	return peer.New(peer.Config{
		Identity: id, Store: s.store, Log: s.log("peer"), Network: s.lan, Discover: s.cfg.Discover, Version: s.cfg.Version,
		Port: s.reachablePort, Name: s.accounts.HostName, Channels: s.ownChannels, Changed: s.hub.Changed,
	})
}

// reachablePort returns where other machines reach this one by HTTP, 0 when it
// listens for itself alone.
func (s *Server) reachablePort() uint16 {
	at, ok := s.web.Addr().(*net.TCPAddr)
	if ip, _ := netip.AddrFromSlice(at.IP); !ok || ip.Unmap().IsLoopback() {
		return 0
	}
	return uint16(at.Port)
}

// ownChannels returns what is on air here. What this host relays is on air
// elsewhere, and its own host says so.
func (s *Server) ownChannels() []peer.Channel {
	profiles := httpapi.Profiles{Accounts: s.accounts}
	var all []peer.Channel
	for _, on := range s.hub.On() {
		if _, relayed := on.Channel.Split(); relayed != "" {
			continue
		}
		p, _, _ := profiles.Profile(on.Channel) // on air without a title is still on air
		all = append(all, told(on, p.Title, p.Category))
	}
	return all
}

func told(s live.Status, title, category string) peer.Channel {
	return peer.Channel{
		Name: s.Channel, Title: title, Category: category, State: string(s.State), Since: s.Since.UTC().Truncate(time.Millisecond),
		Viewers: s.Viewers, Width: s.Video.Width, Height: s.Video.Height, FPS: s.Video.FPS,
		VideoCodec: s.Video.Codec, AudioCodec: s.Audio.Codec, Bitrate: s.Bitrate, Picture: s.Picture,
	}
}
