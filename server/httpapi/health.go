package httpapi

import "context"

// Health is the answer that a start script waits for.
type Health struct {
	Status  string `json:"status" enum:"ok"`
	Version string `json:"version"`
	SetUp   bool   `json:"setUp" doc:"Whether the host has an owner"`
}

func (a *API) health(context.Context, *none) (*body[Health], error) {
	return &body[Health]{Health{Status: "ok", Version: a.Version, SetUp: a.Accounts.Owned()}}, nil
}
