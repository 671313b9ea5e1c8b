package httpapi

import (
	"context"
	"math"
	"time"

	"echo.tv/server/history"
	"echo.tv/server/tv"
)

type (
	// Broadcasts are the own ones, the newest first.
	Broadcasts struct {
		Broadcasts []Broadcast `json:"broadcasts" nullable:"false"`
	}
	// Broadcast is one stretch on air, as its streamer may see it.
	Broadcast struct {
		PublicBroadcast
		Title         string  `json:"title"`
		CutOff        bool    `json:"cutOff" doc:"The host ended before the broadcast did"`
		Average       float64 `json:"average" doc:"Viewers"`
		Received      uint64  `json:"received" doc:"Bytes"`
		Sent          uint64  `json:"sent" doc:"Bytes, to all viewers"`
		Interruptions int     `json:"interruptions"`
	}
	// PublicBroadcast is what everybody could have seen.
	PublicBroadcast struct {
		Start time.Time `json:"start"`
		End   time.Time `json:"end" doc:"As far as it is known, while it is open"`
		Open  bool      `json:"open" doc:"It goes on, or may within a minute"`
		Peak  int       `json:"peak" doc:"Viewers"`
	}
	// LastBroadcast is the newest of a channel.
	LastBroadcast struct {
		Last maybe[PublicBroadcast] `json:"last" doc:"null when there was none here"`
	}
)

func publicBroadcast(b history.Broadcast) PublicBroadcast {
	return PublicBroadcast{Start: b.Start, End: b.End, Open: b.Open, Peak: b.Peak}
}

func (a *API) myBroadcasts(ctx context.Context, _ *none) (*body[Broadcasts], error) {
	me, err := a.me(ctx)
	if err != nil {
		return nil, err
	}
	all, err := a.History.Of(me.Name)
	if err != nil {
		return nil, err
	}
	out := Broadcasts{Broadcasts: make([]Broadcast, len(all))}
	for i, b := range all {
		out.Broadcasts[i] = Broadcast{PublicBroadcast: publicBroadcast(b), Title: b.Title, CutOff: b.CutOff,
			Average: math.Round(b.Average()*10) / 10, Received: b.Received, Sent: b.Sent, Interruptions: b.Interruptions}
	}
	return &body[Broadcasts]{out}, nil
}

// lastBroadcast lets a viewer who comes too late know what there was. Other
// hosts keep their own history.
func (a *API) lastBroadcast(_ context.Context, in *channelPath) (*body[LastBroadcast], error) {
	name, err := tv.ParseAnyChannel(in.Name)
	if err != nil {
		return nil, noChannel("")
	}
	last, found, err := a.History.Last(name)
	if err != nil || !found {
		return &body[LastBroadcast]{}, err
	}
	return &body[LastBroadcast]{LastBroadcast{some(publicBroadcast(last))}}, nil
}
