package httpapi

import (
	"io"
	"log/slog"
	"testing"

	"echo.tv/server/account"
	"echo.tv/server/guide"
	"echo.tv/server/live"
	"net/http"
)

type host struct{ api *API }

func newHost(t *testing.T) *host {
	a := &account.Accounts{}
	hub := live.NewHub(live.Config{Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	api, err := New(Config{Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Accounts: a, Hub: hub, Guide: guide.New(hub, Profiles{a}), Media: http.NotFoundHandler(), Addresses: func() Addresses { return Addresses{} }})
	if err != nil {
		t.Fatal(err)
	}
	return &host{api}
}
