package httpapi

import (
	"context"

	"echo.tv/server/coach"
)

// Coach is what a streamer is told about the own stream.
type Coach struct {
	Health coach.Health `json:"health" enum:"off,learning,healthy,advice"`
	Advice []Advice     `json:"advice" nullable:"false" doc:"The worst first"`
	Budget Budget       `json:"budget"`
}

// Advice is one thing to change, and where.
type Advice struct {
	ID       string         `json:"id"`
	Severity coach.Severity `json:"severity" enum:"info,warn,bad"`
	Text     string         `json:"text" doc:"What is, and what is wanted"`
	Fix      string         `json:"fix" doc:"Where to change it"`
}

// Budget is how many viewers this host's link carries.
type Budget struct {
	Basis   coach.Basis `json:"basis" enum:"link,measured,unknown" doc:"From the link's speed, or from the most it was ever seen to carry"`
	Kind    coach.Kind  `json:"kind" enum:"ethernet,wifi,unknown"`
	Mbit    int         `json:"mbit" doc:"What the link negotiated, Mbit/s; 0 when not known"`
	Carries int         `json:"carries" doc:"bit/s of media; 0 when not known"`
	Used    int         `json:"used" doc:"bit/s, by all channels together"`
	Viewers int         `json:"viewers" doc:"How many of this channel it carries; 0 when not known"`
	Near    bool        `json:"near" doc:"More than 80 % is used"`
}

func (a *API) myCoach(ctx context.Context, _ *none) (*body[Coach], error) {
	me, err := a.me(ctx)
	if err != nil {
		return nil, err
	}
	r := a.Coach.Report(me.Name)
	b := r.Budget
	out := Coach{Health: r.Health, Advice: []Advice{}, Budget: Budget{Basis: b.Basis, Kind: b.Link.Kind, Mbit: b.Link.Mbit,
		Carries: b.Carries, Used: b.Used, Viewers: b.Viewers, Near: b.Near}}
	for _, x := range r.Advice {
		out.Advice = append(out.Advice, Advice(x))
	}
	return &body[Coach]{out}, nil
}
