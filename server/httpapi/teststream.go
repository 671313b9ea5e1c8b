package httpapi

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"echo.tv/server/account"
	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// TestCards put the test picture on air.
type TestCards interface {
	Start(ctx context.Context, channel tv.ChannelName, key tv.StreamKey) error
	Stop(tv.ChannelName)
	Running(tv.ChannelName) bool
}

// testKey returns the key that u's test picture comes with: u's first one, or a
// new one, which OBS can then use as well.
func (a *API) testKey(ctx context.Context, u account.User) (tv.StreamKey, error) {
	keys, err := a.Accounts.Keys(ctx, u)
	if err != nil {
		return tv.StreamKey{}, err
	}
	if len(keys) > 0 {
		return a.Accounts.RevealKey(ctx, u, keys[0].ID)
	}
	_, secret, err := a.Accounts.NewKey(ctx, u, "")
	return secret, err
}

func (a *API) startTest(ctx context.Context, _ *none) (*none, error) {
	me, err := a.me(ctx)
	if err != nil {
		return nil, err
	}
	if a.Hub.Status(me.Name).State != live.Offline && !a.TestCards.Running(me.Name) {
		return nil, onAirAlready(me.Name)
	}
	key, err := a.testKey(ctx, me)
	if err != nil {
		return nil, err
	}
	return &none{}, a.TestCards.Start(ctx, me.Name, key)
}

// onAirAlready keeps the picture from cutting a stream that people watch.
func onAirAlready(name tv.ChannelName) error {
	return tv.Errorf(tv.Conflict, "%s is on air already", name).Hint("stop the stream in OBS first")
}

func (a *API) stopTest(ctx context.Context, _ *none) (*none, error) {
	me, err := a.me(ctx)
	if err != nil {
		return nil, err
	}
	a.TestCards.Stop(me.Name)
	return &none{}, nil
}

type (
	// ControlTest asks for a key to send the test picture with.
	ControlTest struct {
		Name string `json:"name" doc:"Whose channel; the owner's when empty"`
	}
	// ControlTestKey is that key, and where it leads.
	ControlTestKey struct {
		Channel tv.ChannelName `json:"channel"`
		Secret  string         `json:"secret"`
	}
)

func (a *API) controlTestKey(ctx context.Context, in *controlled[ControlTest]) (*body[ControlTestKey], error) {
	if err := onlyHere(ctx, in.Token, a.ControlToken); err != nil {
		return nil, err
	}
	u, err := a.tester(in.Body.Name)
	if err != nil {
		return nil, err
	}
	if a.Hub.Status(u.Name).State != live.Offline {
		return nil, onAirAlready(u.Name)
	}
	key, err := a.testKey(ctx, u)
	return &body[ControlTestKey]{ControlTestKey{u.Name, key.Reveal()}}, err
}

func (a *API) tester(typed string) (account.User, error) {
	if typed == "" {
		return a.Accounts.Owner()
	}
	name, err := tv.ParseChannelName(typed)
	if err != nil {
		return account.User{}, err
	}
	return a.Accounts.UserByName(name)
}

// testClip serves the picture as a file, in ranges too: Safari plays nothing
// without.
func (a *API) testClip(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "video/mp4")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.TestClip))
}
