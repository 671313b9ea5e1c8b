package httpapi

import (
	"context"
	"net/http"
	"strings"

	"echo.tv/server/tv"
)

// Claim makes the first account the owner's.
type Claim struct {
	Code     string `json:"code" doc:"The one-time code that the window or the terminal shows"`
	Name     string `json:"name"`
	Password string `json:"password"`
}

func (a *API) claim(ctx context.Context, in *body[Claim]) (*signed[Me], error) {
	u, err := a.Accounts.Claim(ctx, in.Body.Code, in.Body.Name, in.Body.Password)
	if err != nil {
		return nil, err
	}
	a.Log.Info("the host has an owner", "name", u.Name)
	return a.welcome(ctx, u)
}

// untilOwned keeps the network out of a host that belongs to nobody, so that no
// neighbour makes himself at home first. The interface stays visible, since it
// is what explains this, and so does the claim: its code is the proof.
func (a *API) untilOwned(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !visitorOf(r.Context()).onMachine() && !beforeOwner(r) && !a.Accounts.Owned() {
			writeProblem(w, tv.Errorf(tv.NotSetUp, "this host is not set up yet").
				Hint("its owner has to open echo.tv on the machine itself first"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func beforeOwner(r *http.Request) bool {
	path := r.URL.Path
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		page := !strings.HasPrefix(path, "/api/") && !strings.HasPrefix(path, mediaPath) && path != pushPath
		return page || path == "/api/health" || path == "/api/server"
	case http.MethodPost:
		return path == "/api/owner"
	}
	return false
}
