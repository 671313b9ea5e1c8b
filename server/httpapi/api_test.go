package httpapi

import (
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"echo.tv/server/account"
	"echo.tv/server/live"
	"echo.tv/server/tv"
)

// call is one row of a scenario: who asks for what, what comes back, and what
// must not.
type call struct {
	who, method, path string
	body              any
	status            int
	has, hasNot       []string
}

func (h *host) play(calls []call) {
	h.t.Helper()
	for _, c := range calls {
		r := h.do(c.who, c.method, c.path, c.body)
		if r.status != c.status {
			h.t.Errorf("%s %s %s: status %d, want %d: %s", c.who, c.method, c.path, r.status, c.status, r.text)
		}
		mustHave(h.t, r.text, c.has...)
		mustNotHave(h.t, r.text, append(c.hasNot, password, "goroutine", ".go:")...)
		if c.status >= 400 && !strings.HasPrefix(r.header.Get("Content-Type"), "application/problem+json") {
			h.t.Errorf("%s %s: an error as %q", c.method, c.path, r.header.Get("Content-Type"))
		}
		if r.header.Get("Cache-Control") != "no-store" && strings.HasPrefix(c.path, "/api/") {
			h.t.Errorf("%s %s may be kept: %q", c.method, c.path, r.header.Get("Cache-Control"))
		}
	}
}

func TestAFreshHostBelongsToWhoeverHasTheCode(t *testing.T) {
	h := newHost(t)
	code := h.api.Accounts.ClaimCode()
	h.play([]call{
		{"olga", "GET", "/api/health", nil, 200, []string{`"status":"ok"`, `"version":"1.2.3"`, `"setUp":false`}, []string{code}},
		{"olga", "GET", "/api/server", nil, 200, []string{`"setUp":false`, `"watch":[{"url":"http://192.168.1.20:5175","kind":"wifi","adapter":"wlan0","best":true}]`, `"publish":[]`}, []string{code}},
		{"olga", "GET", "/api/session", nil, 200, []string{`{"user":null}`}, nil},
		{"mallory", "POST", "/api/owner", Claim{"guess", "mallory", password}, 403, []string{`"code":"forbidden"`}, []string{code}},
		{"olga", "POST", "/api/owner", Claim{code, "olga", password}, 201, []string{`"name":"olga"`, `"role":"owner"`}, []string{code}},
		{"olga", "GET", "/api/session", nil, 200, []string{`"name":"olga"`}, nil},
		{"mallory", "POST", "/api/owner", Claim{code, "mallory", password}, 409, []string{`"code":"conflict"`}, []string{code}},
		{"mallory", "GET", "/api/session", nil, 200, []string{`{"user":null}`}, []string{"olga"}},
		{"olga", "GET", "/api/health", nil, 200, []string{`"setUp":true`}, nil},
	})
}

func TestOfTwoClaimsAtOnceOneWins(t *testing.T) {
	h := newHost(t)
	claim := Claim{h.api.Accounts.ClaimCode(), "", password}
	h.client("ann")
	h.client("bob")
	var wg sync.WaitGroup
	won := make(chan int, 2)
	for _, who := range []string{"ann", "bob"} {
		c := claim
		c.Name = who
		wg.Go(func() {
			r := httptest.NewRequest("POST", "/api/owner", strings.NewReader(`{"code":"`+c.Code+`","name":"`+who+`","password":"`+password+`"}`))
			r.Host = "localhost"
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			h.api.ServeHTTP(w, r)
			won <- w.Code
		})
	}
	wg.Wait()
	if a, b := <-won, <-won; a+b != 201+409 {
		t.Errorf("got %d and %d", a, b)
	}
}

// A fresh install on a LAN was once anybody's who came first: everything but
// the page that explains it must stay shut to the network.
func TestTheNetworkGetsNothingBeforeThereIsAnOwner(t *testing.T) {
	h := newHost(t)
	for _, c := range []struct {
		method, path string
		lan          int
	}{
		{"GET", "/", 200},
		{"GET", "/assets/app-1a.js", 200},
		{"GET", "/api/health", 200},
		{"GET", "/api/server", 200},
		{"HEAD", "/api/health", 200},
		{"POST", "/api/owner", 400}, // through, and found empty
		{"GET", "/api/owner", 503},
		{"GET", "/api/channels", 503},
		{"GET", "/api/session", 503},
		{"GET", "/api/events", 503},
		{"GET", "/api/control/status", 503},
		{"POST", "/api/users", 503},
		{"POST", "/api/session", 503},
		{"DELETE", "/api/session", 503},
		{"POST", "/", 503},
		{"POST", "/api/health", 503},
		{"GET", "/hls/ann/index.m3u8", 503},
		{"GET", "/push", 503},
		{"GET", "//hls/ann/index.m3u8", 307},
		{"GET", "/x/../hls/ann/index.m3u8", 307},
		{"GET", "/%2e%2e/api/channels", 404}, // a page of that name, which there is none of
		{"GET", "/%61pi/channels", 503},
		{"GET", "/hls%2fann/index.m3u8", 503},
	} {
		r := httptest.NewRequest(c.method, c.path, strings.NewReader("{}"))
		r.Host, r.RemoteAddr = "tv.example", "192.168.1.77:4000"
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.api.ServeHTTP(w, r)
		if w.Code != c.lan {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, w.Code, c.lan)
		}
		if w.Code == 503 {
			mustHave(t, w.Body.String(), `"code":"not_set_up"`, `"hint"`)
		}
		mustNotHave(t, w.Body.String()+w.Result().Header.Get("Set-Cookie"), "media", h.api.Accounts.ClaimCode(), "echotv_")
	}
}

func TestAccountsAndSessions(t *testing.T) {
	h := owned(t)
	h.play([]call{
		{"ann", "POST", "/api/users", SignUp{Name: "ann", Password: password}, 201, []string{`"role":"streamer"`}, nil},
		{"ann", "GET", "/api/session", nil, 200, []string{`"name":"ann"`}, nil},
		{"bob", "POST", "/api/users", SignUp{Name: "ann", Password: password}, 409, nil, nil},
		{"bob", "POST", "/api/users", SignUp{Name: "../etc", Password: password}, 400, []string{`"code":"invalid"`, `"hint"`}, nil},
		{"bob", "POST", "/api/users", SignUp{Name: "bob", Password: "short"}, 400, []string{`"hint"`}, []string{`"short"`}},
		{"bob", "POST", "/api/session", SignIn{"ann", "wrong password"}, 401, []string{`"code":"unauthenticated"`}, []string{"wrong password"}},
		{"bob", "POST", "/api/session", SignIn{"nobody", "wrong password"}, 401, []string{`"code":"unauthenticated"`}, nil},
		{"bob", "GET", "/api/me/keys", nil, 401, []string{`"code":"unauthenticated"`}, nil},
		{"bob", "PATCH", "/api/me/channel", ChannelEdit{}, 401, nil, nil},
		{"bob", "PUT", "/api/me/password", Passwords{password, password}, 401, nil, nil},
		{"ann2", "POST", "/api/session", SignIn{"ann", password}, 200, []string{`"name":"ann"`}, nil},
		{"ann", "PUT", "/api/me/password", Passwords{"not this one", "another good one"}, 401, nil, []string{"another good one", "not this one"}},
		{"ann", "PUT", "/api/me/password", Passwords{password, "another good one"}, 204, nil, nil},
		{"ann", "GET", "/api/session", nil, 200, []string{`"name":"ann"`}, nil},
		{"ann2", "GET", "/api/session", nil, 200, []string{`{"user":null}`}, nil},
		{"ann", "DELETE", "/api/session", nil, 204, nil, nil},
		{"ann", "GET", "/api/session", nil, 200, []string{`{"user":null}`}, nil},
		{"ann", "DELETE", "/api/session", nil, 204, nil, nil},
	})
}

func TestTheCookieIsForThisHostAndNoScript(t *testing.T) {
	h := owned(t)
	r := h.must(200, "olga", "POST", "/api/session", SignIn{"olga", password})
	cookie := r.header.Get("Set-Cookie")
	mustHave(t, cookie, h.api.cookie+"=", "HttpOnly", "SameSite=Lax", "Path=/")
	mustNotHave(t, cookie, "Domain")
	if len(h.api.cookie) != len("echotv_")+8 {
		t.Errorf("name %q", h.api.cookie)
	}
	gone := h.must(204, "olga", "DELETE", "/api/session", nil).header.Get("Set-Cookie")
	mustHave(t, gone, h.api.cookie+"=;", "Max-Age=0")
}

func TestASignedOutTokenOpensNothing(t *testing.T) {
	h := joined(t)
	before := h.tokens[len(h.tokens)-1]
	h.must(204, "ann", "DELETE", "/api/session", nil)
	h.must(401, "mallory", "GET", "/api/me/keys", nil, "Cookie", h.api.cookie+"="+before)
	h.must(401, "mallory", "GET", "/api/me/keys", nil, "Cookie", "echotv="+before)
	h.must(401, "mallory", "GET", "/api/me/keys", nil, "Cookie", h.api.cookie+"=%00../../"+strings.Repeat("x", 4000))
}

func TestGuessingPasswordsIsSlowedDown(t *testing.T) {
	h := joined(t)
	for range 40 {
		r := h.do("mallory", "POST", "/api/session", SignIn{"ann", "guess after guess"})
		if r.status == 401 {
			continue
		}
		if r.status != 429 || r.header.Get("Retry-After") == "" {
			t.Errorf("status %d, Retry-After %q", r.status, r.header.Get("Retry-After"))
		}
		mustHave(t, r.text, `"code":"too_many"`)
		return
	}
	t.Error("40 guesses went through")
}

func TestAKeyIsShownToItsOwnerOnly(t *testing.T) {
	h := joined(t)
	h.must(201, "bob", "POST", "/api/users", SignUp{Name: "bob", Password: password})
	made := decode[KeyAndSecret](t, h.must(201, "ann", "POST", "/api/me/keys", NewKey{"gaming PC"}).text)
	body := strings.TrimPrefix(made.Secret, "live_")
	if len(body) < 26 {
		t.Fatalf("a secret of %d characters", len(body))
	}
	key := "/api/me/keys/" + made.Key.ID
	h.play([]call{
		{"ann", "GET", "/api/me/keys", nil, 200, []string{"gaming PC", `"lastUsed":null`, body[:4]}, []string{body, made.Secret}},
		{"ann", "POST", key + "/reveal", nil, 200, []string{`{"secret":"` + made.Secret + `"}`}, nil},
		{"bob", "GET", "/api/me/keys", nil, 200, nil, []string{"gaming PC", body}},
		{"bob", "POST", key + "/reveal", nil, 404, nil, []string{body}},
		{"bob", "POST", key + "/rotate", nil, 404, nil, []string{body, "live_"}},
		{"bob", "DELETE", key, nil, 404, nil, []string{body}},
		{"olga", "POST", key + "/reveal", nil, 404, nil, []string{body}}, // not even the host's owner
		{"nobody", "POST", key + "/reveal", nil, 401, nil, []string{body}},
		{"nobody", "GET", "/api/channels", nil, 200, []string{`"channel":"ann"`}, []string{body, made.Key.ID}},
		{"ann", "POST", "/api/me/keys/%2e%2e/reveal", nil, 404, nil, nil},
		{"ann", "POST", "/api/me/keys/" + strings.Repeat("x", 5000) + "/rotate", nil, 404, nil, nil},
		{"ann", "DELETE", key, nil, 204, nil, nil},
		{"ann", "POST", key + "/reveal", nil, 404, nil, []string{body}},
	})
}

// Ann's key leaked and Mallory streams with it: rotating it cuts him, and what
// he has opens nothing any more.
func TestRotatingOrRevokingAKeyCutsWhoStreamsWithIt(t *testing.T) {
	for _, c := range []struct {
		name, method, path, reason string
		status                     int
	}{
		{"rotate", "POST", "/rotate", "rotated", 200},
		{"revoke", "DELETE", "", "revoked", 204},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := joined(t)
			leaked := decode[KeyAndSecret](t, h.must(201, "ann", "POST", "/api/me/keys", NewKey{"laptop"}).text)
			mallory := h.publish(leaked.Secret)
			h.must(c.status, "ann", c.method, "/api/me/keys/"+leaked.Key.ID+c.path, nil)
			select {
			case <-mallory.Context().Done():
			case <-time.After(time.Second):
				t.Fatal("Mallory is still on air")
			}
			if err := mallory.WriteFrame(live.Frame{}); err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("Mallory is told %v", err)
			}
			key, _ := tv.ParseStreamKey(leaked.Secret)
			if _, err := h.api.Accounts.Publisher(t.Context(), netip.MustParseAddr("192.0.2.1"), key); err == nil {
				t.Error("the leaked key still works")
			}
			if s := h.api.Hub.Status("ann").State; s != live.Offline {
				t.Errorf("the channel is %s", s)
			}
		})
	}
}

func TestAChannelOnAirIsInThePublicListWithoutItsSecrets(t *testing.T) {
	h := joined(t)
	made := decode[KeyAndSecret](t, h.must(201, "ann", "POST", "/api/me/keys", NewKey{"gaming PC"}).text)
	h.must(200, "ann", "PATCH", "/api/me/channel", `{"title":"Chess","category":"Games"}`)
	h.publish(made.Secret)
	private := []string{made.Secret, made.Key.ID, "gaming PC", "192.0.2.7", "OBS"}
	h.play([]call{
		{"nobody", "GET", "/api/channels", nil, 200, []string{`{"channels":[{"channel":"ann","name":"ann","title":"Chess","category":"Games","state":"live"`, `"width":1920,"height":1080`, `"videoCodec":"H.264"`, `"channel":"olga"`}, private},
		{"nobody", "GET", "/api/channels/ann", nil, 200, []string{`"state":"live"`, `"since":"20`}, private},
		{"nobody", "GET", "/api/channels/ANN", nil, 200, []string{`"channel":"ann"`}, private},
		{"nobody", "GET", "/api/channels/olga", nil, 200, []string{`"state":"offline"`, `"since":null`}, private},
		{"nobody", "GET", "/api/channels/zoe", nil, 404, []string{`"code":"not_found"`}, nil},
		{"nobody", "GET", "/api/channels/..%2f..%2fetc", nil, 404, nil, []string{"etc"}},
		{"nobody", "GET", "/api/channels/" + made.Secret, nil, 404, nil, []string{made.Secret}},
		{"olga", "GET", "/api/me/channel", nil, 200, []string{`"publisher":null`, `"name":"olga"`}, private},
		{"ann", "GET", "/api/me/channel", nil, 200, []string{`"encoder":"OBS 31"`, `"keyLabel":"gaming PC"`, `"address":"192.0.2.7:4000"`, `"title":"Chess"`}, []string{made.Secret}},
	})
}

func TestTitlesAreTextOfABoundedLength(t *testing.T) {
	h := joined(t)
	h.play([]call{
		{"ann", "PATCH", "/api/me/channel", `{"title":"Chess"}`, 200, []string{`{"name":"ann","title":"Chess","category":""}`}, nil},
		{"ann", "PATCH", "/api/me/channel", `{"category":"Games"}`, 200, []string{`"title":"Chess","category":"Games"`}, nil},
		{"ann", "PATCH", "/api/me/channel", `{}`, 200, []string{`"title":"Chess","category":"Games"`}, nil},
		{"ann", "PATCH", "/api/me/channel", "{\"title\":\"a\\u202eb\\u0007c\\nd\"}", 200, nil, []string{"\u202e", `\u0007`, `\n`}},
		{"ann", "PATCH", "/api/me/channel", `{"title":"` + strings.Repeat("é", 101) + `"}`, 400, []string{`"code":"invalid"`}, nil},
		{"ann", "PATCH", "/api/me/channel", `{"category":"` + strings.Repeat("x", 41) + `"}`, 400, nil, nil},
		{"ann", "PATCH", "/api/me/channel", `{"title":7}`, 400, []string{"title: "}, nil},
		{"ann", "PATCH", "/api/me/channel", `{"role":"owner"}`, 400, []string{"role: "}, nil},
	})
	if c, err := h.api.Accounts.Channel("ann"); err != nil || c.Category != "Games" {
		t.Errorf("kept %+v, %v", c, err)
	}
}

func TestOnlyAdminsRunTheHost(t *testing.T) {
	h := joined(t)
	h.play([]call{
		{"nobody", "GET", "/api/settings", nil, 401, nil, nil},
		{"ann", "GET", "/api/settings", nil, 403, []string{`"code":"forbidden"`}, []string{"signUp"}},
		{"ann", "PUT", "/api/settings", Settings{SignUp: account.PolicyOpen}, 403, nil, nil},
		{"ann", "POST", "/api/invites", nil, 403, nil, []string{"expires"}},
		{"olga", "GET", "/api/settings", nil, 200, []string{`{"signUp":"open","name":"`}, nil},
		{"olga", "PUT", "/api/settings", `{"signUp":"anything"}`, 400, nil, nil},
		{"olga", "PUT", "/api/settings", Settings{SignUp: account.PolicyInvite}, 200, []string{`{"signUp":"invite","name":"`}, nil},
		{"olga", "PUT", "/api/settings", `{"signUp":"invite","name":" Kim's\u202e laptop\n"}`, 200, []string{`"name":"Kim's laptop"`}, nil},
		{"olga", "PUT", "/api/settings", `{"signUp":"invite","name":"` + strings.Repeat("x", 61) + `"}`, 400, []string{"60"}, nil},
		{"ann", "PUT", "/api/settings", `{"signUp":"invite","name":"Ann's"}`, 403, nil, nil},
		{"olga", "PUT", "/api/settings", Settings{SignUp: account.PolicyInvite}, 200, []string{`"name":"Kim's laptop"`}, nil},
		{"nobody", "GET", "/api/server", nil, 200, []string{`"name":"Kim's laptop"`}, nil},
		{"bob", "POST", "/api/users", SignUp{Name: "bob", Password: password}, 403, nil, nil},
		{"bob", "POST", "/api/users", SignUp{Name: "bob", Password: password, Invite: "guess"}, 403, nil, nil},
	})
	invite := decode[Invite](t, h.must(201, "olga", "POST", "/api/invites", nil).text)
	if until := time.Until(invite.Expires); until < time.Hour {
		t.Errorf("expires in %v", until)
	}
	h.must(201, "bob", "POST", "/api/users", SignUp{Name: "bob", Password: password, Invite: invite.Code})
	h.must(403, "cy", "POST", "/api/users", SignUp{Name: "cy", Password: password, Invite: invite.Code})
	h.must(200, "olga", "PUT", "/api/settings", Settings{SignUp: account.PolicyClosed})
	mustHave(t, h.must(200, "nobody", "GET", "/api/server", nil).text, `"signUp":"closed"`)
	h.must(403, "cy", "POST", "/api/users", SignUp{Name: "cy", Password: password})
}

func TestTheMachineManagesItsHost(t *testing.T) {
	h := newHost(t)
	as := []string{ControlHeader, controlToken}
	mustHave(t, h.must(200, "", "GET", "/api/control/status", nil, as...).text, `"setUp":false`, h.api.Accounts.ClaimCode())
	made := decode[ControlUserMade](t, h.must(201, "", "POST", "/api/control/users", `{"name":"Olga","role":"owner"}`, as...).text)
	if made.Name != "olga" || made.Role != tv.Owner || len(made.Password) < 20 {
		t.Errorf("made %+v", made)
	}
	h.must(200, "olga", "POST", "/api/session", SignIn{"olga", made.Password})
	mustNotHave(t, h.must(201, "", "POST", "/api/control/users", ControlUser{"ann", password, "streamer"}, as...).text, password, "password")
	h.must(409, "", "POST", "/api/control/users", ControlUser{"eve", password, "owner"}, as...)
	h.must(400, "", "POST", "/api/control/users", ControlUser{"eve", password, "emperor"}, as...)
	key := decode[Secret](t, h.must(201, "", "POST", "/api/control/keys", ControlKey{"ann", "cron"}, as...).text)
	h.must(404, "", "POST", "/api/control/keys", ControlKey{"zoe", ""}, as...)
	h.publish(key.Secret)
	status := h.must(200, "", "GET", "/api/control/status", nil, as...).text
	mustHave(t, status, `"channel":"ann"`, `"state":"live"`, "192.0.2.7", `"setUp":true`)
	mustNotHave(t, status, key.Secret, "claimCode")
	h.must(204, "", "POST", "/api/control/show", nil, as...)
	if h.window.shown != 1 {
		t.Errorf("shown %d times", h.window.shown)
	}
	mustNotHave(t, h.log.String(), made.Password)
}

// The commands and the window are on this machine and know its secret; neither
// alone is enough, and an empty secret is nobody's.
func TestNobodyElseManagesTheMachine(t *testing.T) {
	h := owned(t)
	ask := func(path, remote, header, token string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", path, strings.NewReader(`{"name":"eve","role":"admin","label":"","url":"http://evil.example/"}`))
		r.Host, r.RemoteAddr = "localhost", remote
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(header, token)
		w := httptest.NewRecorder()
		h.api.ServeHTTP(w, r)
		return w
	}
	const here, there = "127.0.0.1:4000", "192.168.1.77:4000"
	for _, path := range []string{"/api/control/users", "/api/control/keys", "/api/control/show", "/api/desktop/open"} {
		for _, c := range [][3]string{
			{there, ControlHeader, controlToken}, {there, "X-Echotv-Desktop", desktopToken},
			{here, ControlHeader, ""}, {here, ControlHeader, "wrong"}, {here, ControlHeader, desktopToken},
			{here, "X-Echotv-Desktop", controlToken}, {here, "X-Echotv-Desktop", ""},
		} {
			if w := ask(path, c[0], c[1], c[2]); w.Code != 403 && w.Code != 400 {
				t.Errorf("%s from %s with %s %q: %d %s", path, c[0], c[1], c[2], w.Code, w.Body)
			}
		}
	}
	h.api.ControlToken, h.api.DesktopToken = "", ""
	for _, path := range []string{"/api/control/show", "/api/desktop/open"} {
		if w := ask(path, here, ControlHeader, ""); w.Code == 204 {
			t.Errorf("%s needs no secret", path)
		}
	}
	if h.window.shown != 0 || len(h.window.opened) != 0 {
		t.Errorf("the window did %+v", h.window.opened)
	}
	if _, err := h.api.Accounts.UserByName("eve"); tv.CodeOf(err) != tv.NotFound {
		t.Error("eve has an account")
	}
}

func TestTheWindowOpensWebLinksOnly(t *testing.T) {
	h := owned(t)
	for _, bad := range []string{"", "x", "file:///etc/passwd", "javascript:alert(1)", "//evil.example", "http:", "http:///x", "https://user@evil.example", "ms-settings:", "http://a\nb", " http://a"} {
		h.must(400, "", "POST", "/api/desktop/open", Link{bad}, "X-Echotv-Desktop", desktopToken)
	}
	h.must(204, "", "POST", "/api/desktop/open", Link{"https://obsproject.com/help?x=1#y"}, "X-Echotv-Desktop", desktopToken)
	if len(h.window.opened) != 1 || h.window.opened[0] != "https://obsproject.com/help?x=1#y" {
		t.Errorf("opened %q", h.window.opened)
	}
}

func TestBadInputIsAnsweredWithoutRepeatingIt(t *testing.T) {
	h := owned(t)
	leak := "hunter2-hunter2"
	h.play([]call{
		{"x", "POST", "/api/session", `{"name":"ann","password":"` + leak, 400, []string{`"code":"invalid"`}, []string{leak}},
		{"x", "POST", "/api/session", `{"name":"ann","password":["` + leak + `"]}`, 400, []string{"password: "}, []string{leak}},
		{"x", "POST", "/api/session", `"` + leak + `"`, 400, nil, []string{leak}},
		{"x", "POST", "/api/session", `[]`, 400, nil, nil},
		{"x", "POST", "/api/session", `null`, 400, nil, nil},
		{"x", "POST", "/api/session", ``, 400, nil, nil},
		{"x", "POST", "/api/session", `{}`, 400, []string{"name", "password"}, nil},
		{"x", "POST", "/api/session", `{"name":"a","password":"b","admin":true}`, 400, []string{"admin"}, nil},
		{"x", "POST", "/api/session", `{"name":"a","password":"b"} {"x":1}`, 400, nil, nil},
		{"x", "POST", "/api/session", strings.Repeat("[", 60000), 400, nil, []string{"[[[["}},
		{"x", "POST", "/api/session", `{"` + strings.Repeat("k", 60000) + `":1}`, 400, nil, []string{strings.Repeat("k", 200)}},
		{"x", "POST", "/api/session", strings.Repeat(" ", maxBody), 413, nil, nil},
		{"x", "POST", "/api/nothing", `{}`, 404, []string{`"code":"not_found"`}, nil},
		{"x", "GET", "/api/", nil, 404, nil, nil},
		{"x", "POST", "/api/channels", `{}`, 405, []string{"GET"}, nil},
		{"x", "GET", "/api/me/keys/x/rotate", nil, 405, []string{"POST"}, nil},
	})
	if got := h.must(405, "x", "PUT", "/api/session", "{}").header.Get("Allow"); got != "GET, POST, DELETE" {
		t.Errorf("Allow: %s", got)
	}
}

func TestMediaIsPublicAndNothingElseIs(t *testing.T) {
	h := owned(t)
	r := h.must(200, "x", "GET", "/hls/ann/index.m3u8", nil, "Origin", "http://player.example")
	if r.header.Get("Access-Control-Allow-Origin") != "*" || r.header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("headers %v", r.header)
	}
	for _, path := range []string{"/", "/api/channels", "/openapi.json"} {
		if h := h.must(200, "x", "GET", path, nil, "Origin", "http://player.example").header; h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: headers %v", path, h)
		}
	}
	mustHave(t, h.must(200, "x", "GET", "/openapi.json", nil).text, `"openapi": "3.1.0"`)
}
