package httpapi

import (
	"context"
	"time"

	"echo.tv/server/account"
)

// Settings are what admins decide.
type Settings struct {
	SignUp account.Policy `json:"signUp" enum:"open,invite,closed"`
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
	return &body[Settings]{Settings{a.Accounts.Policy()}}, nil
}

func (a *API) changeSettings(ctx context.Context, in *body[Settings]) (*body[Settings], error) {
	me, err := a.admin(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.Accounts.SetPolicy(ctx, me, in.Body.SignUp); err != nil {
		return nil, err
	}
	return &body[Settings]{Settings{a.Accounts.Policy()}}, nil
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
