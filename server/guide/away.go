package guide

import (
	"net/netip"
	"slices"

	"echo.tv/server/live"
	"echo.tv/server/peer"
	"echo.tv/server/tv"
)

// apart splits what is on air here into own channels and relays of others'.
func apart(on []live.Status) (own []live.Status, relayed map[tv.ChannelName]live.Status) {
	relayed = map[tv.ChannelName]live.Status{}
	for _, s := range on {
		if _, host := s.Channel.Split(); host != "" {
			relayed[s.Channel] = s
		} else {
			own = append(own, s)
		}
	}
	return own, relayed
}

// away lists up to most channels that are on air on other hosts, each host in its
// turn.
func away(hosts []peer.Host, relayed map[tv.ChannelName]live.Status, most int) (list []Entry) {
	rows := make([][]Entry, 0, len(hosts))
	for _, h := range hosts {
		rows = append(rows, channelsOf(h, relayed))
	}
	for turn, more := 0, true; more; turn++ {
		more = false
		for _, row := range rows {
			if turn >= len(row) {
				continue
			}
			if len(list) == most {
				return list
			}
			list, more = append(list, row[turn]), true
		}
	}
	return list
}

// channelsOf returns what is on air on h, in order. A name that stands there twice
// counts once: the page keys its cards by it.
func channelsOf(h peer.Host, relayed map[tv.ChannelName]live.Status) (row []Entry) {
	seen := map[tv.ChannelName]bool{}
	for _, c := range h.Channels {
		key := c.Name.At(h.ID)
		e := entryAway(h, c, relayed[key])
		if e.State == live.Offline || seen[key] {
			continue
		}
		seen[key] = true
		row = append(row, e)
	}
	slices.SortFunc(row, before)
	return row
}

// entryAway is channel c of host h; relay is its relay here, the zero Status
// without one. Of the host's own words only the states we know pass.
func entryAway(h peer.Host, c peer.Channel, relay live.Status) Entry {
	e := entry(live.Status{
		Channel: c.Name, State: stateAway(live.State(c.State), relay.State), Since: c.Since,
		Viewers: c.Viewers, Bitrate: c.Bitrate, Picture: c.Picture,
		Video: live.VideoInfo{Codec: c.VideoCodec, Width: c.Width, Height: c.Height, FPS: c.FPS},
		Audio: live.AudioInfo{Codec: c.AudioCodec},
	}, Profile{Title: c.Title, Category: c.Category})
	e.Channel, e.Host, e.HostID, e.Words = c.Name.At(h.ID), h.Name, h.ID, h.Words
	e.Warning, e.Presence, e.Address = h.Warning, h.Presence, Pages(h.Addr)
	if h.Presence == peer.Gone {
		e.GoneSince = moment(h.Since)
	}
	return e
}

// stateAway decides between a host's word and what the relay here sees; the
// package comment says why. A relay that waits for its first picture has seen
// nothing yet.
func stateAway(said, seen live.State) live.State {
	switch said {
	case live.Live, live.Lost:
		if seen == live.Live || seen == live.Lost {
			return seen
		}
		return said
	case live.Starting:
		return said
	}
	return live.Offline
}

// Pages is where a host's own pages are, such as http://192.168.1.7:5175, empty
// for no address. The zone of an IPv6 address means
// something on this machine only.
func Pages(at netip.AddrPort) string {
	if !at.IsValid() {
		return ""
	}
	return "http://" + netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port()).String()
}
