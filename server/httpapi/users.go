package httpapi

import (
	"context"
	"time"

	"echo.tv/server/account"
	"echo.tv/server/tv"
)

// Me is an account as its owner sees it.
type Me struct {
	Name    tv.ChannelName `json:"name" doc:"The account's and the channel's name"`
	Role    tv.Role        `json:"role" enum:"owner,admin,streamer,viewer"`
	Created time.Time      `json:"created"`
}

func meOf(u account.User) Me { return Me{Name: u.Name, Role: u.Role, Created: u.Created} }

// SignUp asks for an account.
type SignUp struct {
	Name     string `json:"name"`
	Password string `json:"password"`
	Invite   string `json:"invite,omitempty" doc:"Needed when sign-up is by invite"`
}

func (a *API) signUp(ctx context.Context, in *body[SignUp]) (*signed[Me], error) {
	u, err := a.Accounts.SignUp(ctx, visitorOf(ctx).addr, in.Body.Name, in.Body.Password, in.Body.Invite)
	if err != nil {
		return nil, err
	}
	return a.welcome(ctx, u)
}

// Passwords changes one.
type Passwords struct {
	Old string `json:"old"`
	New string `json:"new"`
}

func (a *API) changePassword(ctx context.Context, in *body[Passwords]) (*none, error) {
	if _, err := a.me(ctx); err != nil {
		return nil, err
	}
	return &none{}, a.Accounts.ChangePassword(ctx, visitorOf(ctx).token, in.Body.Old, in.Body.New)
}
