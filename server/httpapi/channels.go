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
	Name string `path:"name"`
}

func (a *API) channels(context.Context, *none) (*body[Channels], error) {
	list, err := a.Guide.List()
	return &body[Channels]{Channels{list}}, err
}

func (a *API) channel(_ context.Context, in *channelPath) (*body[guide.Entry], error) {
	name, err := tv.ParseChannelName(in.Name)
	if err != nil { // what cannot be a name is nobody's
		return nil, noChannel()
	}
	e, found, err := a.Guide.Get(name)
	if err == nil && !found {
		err = noChannel()
	}
	return &body[guide.Entry]{e}, err
}

func noChannel() error {
	return tv.Errorf(tv.NotFound, "there is no such channel here").Hint("look at the list of channels")
}
