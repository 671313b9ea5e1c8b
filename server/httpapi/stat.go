package httpapi

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"

	"echo.tv/server/stat"
	"echo.tv/server/tv"
)

type (
	credentials struct {
		Control string `header:"X-Echotv-Control"`
		Bearer  string `header:"Authorization"`
	}
	figures struct {
		CacheControl string `header:"Cache-Control"`
		Body         stat.Figures
	}
)

func (a *API) statJSON(ctx context.Context, in *credentials) (*figures, error) {
	return &figures{"no-store", a.Stat.Figures(a.reader(ctx, in.Control, in.Bearer))}, nil
}

// stat answers by what is asked for: people get the page, tools nginx's XML.
func (a *API) stat(pages http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "Accept")
		switch stat.Negotiate(r.Header.Get("Accept")) {
		case stat.Page:
			index := r.Clone(r.Context())
			index.URL.Path = "/"
			pages.ServeHTTP(w, index)
		case stat.JSON:
			w.Header().Set("Content-Type", "application/json")
			a.writeStat(w, r, func(f stat.Figures) error { return json.NewEncoder(w).Encode(f) })
		default:
			a.statXML(w, r)
		}
	}
}

func (a *API) statXML(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	a.writeStat(w, r, func(f stat.Figures) error { return f.WriteXML(w) })
}

func (a *API) writeStat(w http.ResponseWriter, r *http.Request, write func(stat.Figures) error) {
	w.Header().Set("Cache-Control", "no-store")
	f := a.Stat.Figures(a.reader(r.Context(), r.Header.Get(ControlHeader), r.Header.Get("Authorization")))
	if err := write(f); err != nil {
		a.Log.Debug("stat not sent", "err", err) // whoever asked has left
	}
}

// reader says what whoever asks may see. What cannot be proved is a stranger.
func (a *API) reader(ctx context.Context, control, authorization string) stat.Reader {
	if onlyHere(ctx, control, a.ControlToken) == nil || a.hasToken(authorization) {
		return stat.Reader{Admin: true}
	}
	me, err := a.me(ctx)
	if err != nil {
		return stat.Reader{}
	}
	return stat.Reader{Name: me.Name, Admin: me.Role.Includes(tv.Admin)}
}

// hasToken reports whether an Authorization header carries the metrics token.
func (a *API) hasToken(authorization string) bool {
	token, ok := strings.CutPrefix(authorization, "Bearer ")
	return ok && a.MetricsToken != "" && subtle.ConstantTimeCompare([]byte(token), []byte(a.MetricsToken)) == 1
}

// metrics lets Prometheus in: one on this machine, one with the token, or an
// admin who is curious. Behind a proxy everybody seems to be on this machine,
// so what was passed on needs the token.
func (a *API) metrics(w http.ResponseWriter, r *http.Request) {
	passedOn := r.Header.Get("Forwarded") != "" || r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Via") != ""
	local := visitorOf(r.Context()).onMachine() && !passedOn
	if !local && !a.reader(r.Context(), "", r.Header.Get("Authorization")).Admin {
		w.Header().Set("WWW-Authenticate", `Bearer realm="echo.tv metrics"`)
		writeProblem(w, tv.Errorf(tv.Unauthenticated, "metrics are for this machine and for who has the token").
			Hint("send Authorization: Bearer and the token that echotv status prints"))
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	a.Metrics.ServeHTTP(w, r)
}
