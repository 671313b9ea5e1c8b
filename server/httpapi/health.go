package httpapi

import "context"

// Health is the answer that a start script or a supervisor waits for. It comes
// with 200 as long as the server answers at all: no fault in it is mended by a
// restart.
type Health struct {
	Status  string   `json:"status" enum:"ok,degraded"`
	Faults  []string `json:"faults" nullable:"false" doc:"What does not work, in words; empty when ok"`
	Version string   `json:"version"`
	SetUp   bool     `json:"setUp" doc:"Whether the host has an owner"`
}

func (a *API) health(context.Context, *none) (*body[Health], error) {
	h := Health{Status: "ok", Faults: append([]string{}, a.Faults()...), Version: a.Version, SetUp: a.Accounts.Owned()}
	if len(h.Faults) > 0 {
		h.Status = "degraded"
	}
	return &body[Health]{h}, nil
}
