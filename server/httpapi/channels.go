package httpapi

import (
	"context"

	"echo.tv/server/guide"
	"echo.tv/server/tv"
)

// Channels is the public list.
type Channels struct {
	Channels []guide.Entry `json:"channels" nullable:"false"`
}

type channelPath struct {
	Name string `path:"name" doc:"ann, or ann@<host id> for the channel of another host"`
}

func (a *API) channels(context.Context, *none) (*body[Channels], error) {
	list, err := a.Guide.List()
	return &body[Channels]{Channels{list}}, err
}

func (a *API) channel(_ context.Context, in *channelPath) (*body[guide.Entry], error) {
	name, err := tv.ParseAnyChannel(in.Name)
	if err != nil { // what cannot be a name is nobody's
		return nil, noChannel("")
	}
	e, found, err := a.Guide.Get(name)
	if err == nil && !found {
		_, host := name.Split()
		err = noChannel(host)
	}
	return &body[guide.Entry]{e}, err
}

func noChannel(at tv.HostID) error {
	if at != "" {
		return tv.Errorf(tv.NotFound, "the computer of this channel is not on the network").Hint("it may be asleep, or on another network")
	}
	return tv.Errorf(tv.NotFound, "there is no such channel here").Hint("look at the list of channels")
}
