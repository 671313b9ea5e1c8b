package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"echo.tv/server/live"
	"echo.tv/server/stat"
)

func statOf(hub *live.Hub) *stat.Stat {
	none := func() uint64 { return 0 }
	return stat.New(stat.Config{Version: "1.2.3", Channels: hub.On, Traffic: hub.Traffic, Accepted: none, Recovered: none,
		Skipped: func() map[live.Path]uint64 { return nil }, StoreSize: func() int64 { return 0 }})
}

func TestStatIsAPageForPeopleAndXMLForTools(t *testing.T) {
	h := joined(t)
	for _, c := range []struct{ path, accept, kind, has string }{
		{"/stat", "", "text/xml; charset=utf-8", "<rtmp>"},
		{"/stat", "*/*", "text/xml; charset=utf-8", "<rtmp>"},
		{"/stat", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html; charset=utf-8", "<!doctype html>"},
		{"/stat", "application/json", "application/json", `"streams":[]`},
		{"/stat.xml", "text/html", "text/xml; charset=utf-8", "<rtmp>"},
		{"/stat.json", "text/html", "application/json", `"streams":[]`},
	} {
		r := h.must(200, "", "GET", c.path, nil, "Accept", c.accept)
		if got := r.header.Get("Content-Type"); got != c.kind {
			t.Errorf("%s for %q is %q", c.path, c.accept, got)
		}
		mustHave(t, r.text, c.has)
		if cache := r.header.Get("Cache-Control"); !strings.HasPrefix(cache, "no-") || r.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", c.path, r.header)
		}
	}
	h.must(405, "", "POST", "/stat", struct{}{})
}

// Whoever runs the host sees where streams come from, a streamer which of the
// own keys is in use, and nobody a key.
func TestStrangersSeeNoAddressNoEncoderAndNoKey(t *testing.T) {
	h := joined(t)
	made := decode[KeyAndSecret](t, h.must(201, "ann", "POST", "/api/me/keys", NewKey{Label: "gaming pc"}).text)
	h.must(201, "bob", "POST", "/api/users", SignUp{Name: "bob", Password: password})
	h.publish(made.Secret)
	const address, encoder, key = "192.0.2.7", "OBS 31", "gaming pc"
	for name, c := range map[string]struct {
		who     string
		headers []string
		sees    string
	}{
		"a stranger":               {},
		"another streamer":         {who: "bob"},
		"the channel's owner":      {who: "ann", sees: key},
		"the host's owner":         {who: "olga", sees: address + encoder + key},
		"the command line":         {headers: []string{ControlHeader, controlToken}, sees: address + encoder + key},
		"Prometheus":               {headers: []string{"Authorization", "Bearer " + metricsToken}, sees: address + encoder + key},
		"a wrong control token":    {headers: []string{ControlHeader, metricsToken}},
		"a wrong metrics token":    {headers: []string{"Authorization", "Bearer " + controlToken}},
		"a token of another sort":  {headers: []string{"Authorization", "Basic " + metricsToken}},
		"an empty token":           {headers: []string{"Authorization", "Bearer ", ControlHeader, ""}},
		"a token with a tail":      {headers: []string{"Authorization", "Bearer " + metricsToken + "x"}},
		"half of the metrics name": {headers: []string{"Authorization", metricsToken}},
	} {
		for _, path := range []string{"/stat", "/stat.xml", "/stat.json"} {
			text := h.must(200, c.who, "GET", path, nil, c.headers...).text
			mustHave(t, text, "ann", "1920")
			mustNotHave(t, text, made.Secret, made.Secret[5:], made.Key.ID)
			for _, secret := range []string{address, encoder, key} {
				wants := strings.Contains(c.sees, secret) && (secret != key || path == "/stat.json") // nginx knows no key names
				if got := strings.Contains(text, secret); got != wants {
					t.Errorf("%s asks %s: %q is there: %v\n%s", name, path, secret, got, text)
				}
			}
		}
	}
}

func TestMetricsAreForThisMachineAndWhoHasTheToken(t *testing.T) {
	h := joined(t)
	session := h.tokens[0] // olga's, the first to sign in
	for name, c := range map[string]struct {
		from   string
		header []string
		want   int
	}{
		"this machine":              {"127.0.0.1:1", nil, 200},
		"this machine by IPv6":      {"[::1]:1", nil, 200},
		"a neighbour":               {"192.168.1.50:1", nil, 401},
		"a neighbour who guesses":   {"192.168.1.50:1", []string{"Authorization", "Bearer x"}, 401},
		"a neighbour who forges":    {"192.168.1.50:1", []string{"X-Forwarded-For", "127.0.0.1"}, 401},
		"with the control token":    {"192.168.1.50:1", []string{ControlHeader, controlToken}, 401},
		"with the token":            {"192.168.1.50:1", []string{"Authorization", "Bearer " + metricsToken}, 200},
		"the owner":                 {"192.168.1.50:1", []string{"Cookie", h.api.cookie + "=" + session}, 200},
		"the world behind a proxy":  {"127.0.0.1:1", []string{"X-Forwarded-For", "203.0.113.9"}, 401},
		"the world, said otherwise": {"127.0.0.1:1", []string{"Forwarded", "for=203.0.113.9"}, 401},
	} {
		r := httptest.NewRequest("GET", "http://localhost/metrics", nil)
		r.RemoteAddr = c.from
		for i := 0; i+1 < len(c.header); i += 2 {
			r.Header.Set(c.header[i], c.header[i+1])
		}
		w := httptest.NewRecorder()
		h.api.ServeHTTP(w, r)
		if w.Code != c.want || (w.Body.String() == "metrics") != (c.want == 200) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		mustNotHave(t, w.Body.String(), metricsToken, controlToken)
		if c.want == http.StatusUnauthorized {
			mustHave(t, w.Body.String(), "echotv status")
		}
	}
}

func TestHealthSaysWhatDoesNotWork(t *testing.T) {
	h := newHost(t)
	if got := get[Health](h, "", "/api/health"); got.Status != "ok" || len(got.Faults) != 0 {
		t.Errorf("%+v", got)
	}
	h.faults = []string{"RTSP is off"}
	if got := get[Health](h, "", "/api/health"); got.Status != "degraded" || len(got.Faults) != 1 {
		t.Errorf("%+v", got)
	}
}
