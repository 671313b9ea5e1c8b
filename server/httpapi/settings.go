package httpapi

import (
	"context"
	"time"

	"echo.tv/server/account"
)

// Settings are what admins decide.
type Settings struct {
	SignUp account.Policy `json:"signUp" enum:"open,invite,closed"`
	Name   *string        `json:"name,omitempty" doc:"What people call this computer, at most 60 characters; left as it is when missing, the system's name when empty"`
}

// Invite lets one person sign up.
type Invite struct {
	Code    string    `json:"code"`
	Expires time.Time `json:"expires"`
}

func (a *API) settings(ctx context.Context, _ *none) (*body[Settings], error) {
	if _, err := a.admin(ctx); err != nil {
		return nil, err
	}
	return a.settingsNow(), nil
}

func (a *API) settingsNow() *body[Settings] {
	name := a.Accounts.HostName()
	return &body[Settings]{Settings{SignUp: a.Accounts.Policy(), Name: &name}}
}

func (a *API) changeSettings(ctx context.Context, in *body[Settings]) (*body[Settings], error) {
	me, err := a.admin(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.Accounts.SetPolicy(ctx, me, in.Body.SignUp); err != nil {
		return nil, err
	}
	if in.Body.Name != nil {
		if err := a.Accounts.SetHostName(ctx, me, *in.Body.Name); err != nil {
			return nil, err
		}
	}
	return a.settingsNow(), nil
}

func (a *API) newInvite(ctx context.Context, _ *none) (*body[Invite], error) {
	me, err := a.admin(ctx)
	if err != nil {
		return nil, err
	}
	expires := time.Now().Add(account.InviteLife).UTC().Truncate(time.Second)
	code, err := a.Accounts.NewInvite(ctx, me)
	return &body[Invite]{Invite{Code: code, Expires: expires}}, err
}
