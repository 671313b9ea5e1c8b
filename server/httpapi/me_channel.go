package httpapi

import (
	"context"
	"time"

	"echo.tv/server/account"
	"echo.tv/server/guide"
	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// Channel is what its owner says about it.
type Channel struct {
	Name     tv.ChannelName `json:"name"`
	Title    string         `json:"title"`
	Category string         `json:"category"`
}

// MyChannel is the own channel with what only its owner may know.
type MyChannel struct {
	Channel   Channel          `json:"channel"`
	Entry     guide.Entry      `json:"entry" doc:"As everybody sees it"`
	Publisher maybe[Publisher] `json:"publisher" doc:"null while nobody publishes"`
	Testing   bool             `json:"testing" doc:"Whether this host sends the test picture there"`
}

// Publisher is what sends the stream.
type Publisher struct {
	Encoder     string  `json:"encoder" doc:"What it calls itself; may be empty"`
	KeyLabel    string  `json:"keyLabel"`
	Address     string  `json:"address"`
	KeyInterval float64 `json:"keyInterval" doc:"Seconds between key frames; 0 when not known yet"`
	Dropped     uint64  `json:"dropped" doc:"Frames that could not be put on air"`
}

func (a *API) myChannel(ctx context.Context, _ *none) (*body[MyChannel], error) {
	me, err := a.me(ctx)
	if err != nil {
		return nil, err
	}
	e, found, err := a.Guide.Get(me.Name)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, tv.Errorf(tv.NotFound, "this account has no channel")
	}
	out := MyChannel{Channel: Channel{Name: e.Channel, Title: e.Title, Category: e.Category}, Entry: e, Testing: a.TestCards.Running(me.Name)}
	if s := a.Hub.Status(me.Name); s.State != live.Offline {
		out.Publisher = some(Publisher{Encoder: s.Encoder, KeyLabel: s.KeyLabel, Address: s.Remote,
			KeyInterval: s.Video.KeyInterval.Round(time.Millisecond).Seconds(), Dropped: s.Dropped})
	}
	return &body[MyChannel]{out}, nil
}

// ChannelEdit changes what it has and leaves the rest.
type ChannelEdit struct {
	Title    *string `json:"title,omitempty"`
	Category *string `json:"category,omitempty"`
}

func (a *API) editChannel(ctx context.Context, in *body[ChannelEdit]) (*body[Channel], error) {
	me, err := a.me(ctx)
	if err != nil {
		return nil, err
	}
	c, err := a.Accounts.Channel(me.Name)
	if err != nil {
		return nil, err
	}
	if in.Body.Title != nil {
		c.Title = *in.Body.Title
	}
	if in.Body.Category != nil {
		c.Category = *in.Body.Category
	}
	c, err = a.Accounts.SetChannel(ctx, me, c.Title, c.Category)
	if err != nil {
		return nil, err
	}
	a.Guide.Touch()
	return &body[Channel]{Channel{Name: c.Name, Title: c.Title, Category: c.Category}}, nil
}

// Profiles lets the guide read what account keeps.
type Profiles struct{ Accounts *account.Accounts }

// Profile returns false when nobody has that name.
func (p Profiles) Profile(name tv.ChannelName) (guide.Profile, bool, error) {
	c, err := p.Accounts.Channel(name)
	if tv.CodeOf(err) == tv.NotFound {
		return guide.Profile{}, false, nil
	}
	return guide.Profile(c), err == nil, err
}

// Profiles returns up to most channels, by name.
func (p Profiles) Profiles(most int) ([]guide.Profile, error) {
	channels, err := p.Accounts.Channels(most)
	out := make([]guide.Profile, len(channels))
	for i, c := range channels {
		out[i] = guide.Profile(c)
	}
	return out, err
}
