package httpapi

import (
	"context"

	"echo.tv/server/account"
	"echo.tv/server/tv"
)

// Server is what a page needs to know before anybody signs in.
type Server struct {
	ID        tv.HostID      `json:"id" doc:"By which other hosts know it; copied names are not copied with this"`
	Name      string         `json:"name" doc:"What people call this computer"`
	Version   string         `json:"version"`
	SetUp     bool           `json:"setUp" doc:"Whether the host has an owner"`
	SignUp    account.Policy `json:"signUp" enum:"open,invite,closed"`
	Addresses Addresses      `json:"addresses"`
}

func (a *API) server(context.Context, *none) (*body[Server], error) {
	return &body[Server]{Server{
		ID:   a.Peers.Self().ID,
		Name: a.Accounts.HostName(), Version: a.Version, SetUp: a.Accounts.Owned(), SignUp: a.Accounts.Policy(), Addresses: a.addresses(),
	}}, nil
}
