package httpapi

import (
	"context"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"echo.tv/server/peer"
	"echo.tv/server/tv"
)

func (f *fakeHosts) Self() peer.Host {
	return peer.Host{ID: "bbbbbbbbbbbbbbbb", Name: "Attic", Words: "ocean poet tiger plum", Presence: peer.Here}
}

func (f *fakeHosts) Add(_ context.Context, address string) (peer.Host, error) {
	if address != "192.168.1.7" {
		return peer.Host{}, tv.Errorf(tv.Unavailable, "nobody is there").Hint("check the address")
	}
	h := kims(peer.Here)
	h.Typed = true
	f.become(h)
	return h, nil
}

func (f *fakeHosts) Forget(_ context.Context, id tv.HostID) error {
	if id != kimsID {
		return tv.Errorf(tv.NotFound, "no such host")
	}
	f.become()
	return nil
}

func (f *fakeHosts) Directory() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("lines\n")) })
}

func TestHostsAreListedForAllAndChangedByAdmins(t *testing.T) {
	h := joined(t)
	add := NewHost{"192.168.1.7"}
	h.play([]call{
		{"guest", "GET", "/api/hosts", nil, 200, []string{`"self":{"id":"bbbbbbbbbbbbbbbb","name":"Attic","words":"ocean poet tiger plum"`, `"hosts":[]`}, nil},
		{"guest", "POST", "/api/hosts", add, 401, []string{`"code":"unauthenticated"`}, nil},
		{"ann", "POST", "/api/hosts", add, 403, []string{`"code":"forbidden"`}, nil},
		{"olga", "POST", "/api/hosts", NewHost{"10.0.0.9"}, 503, []string{`"code":"unavailable"`, "check the address"}, nil},
		{"olga", "POST", "/api/hosts", add, 201, []string{`"address":"192.168.1.7:5175"`, `"typed":true`, `"presence":"here"`}, nil},
		{"guest", "GET", "/api/hosts", nil, 200, []string{`"name":"Kim's laptop"`, `"warning":""`}, nil},
		{"ann", "DELETE", "/api/hosts/" + string(kimsID), nil, 403, nil, nil},
		{"olga", "DELETE", "/api/hosts/nobody", nil, 400, []string{`"code":"invalid"`}, nil},
		{"olga", "DELETE", "/api/hosts/cccccccccccccccc", nil, 404, nil, nil},
		{"olga", "DELETE", "/api/hosts/" + string(kimsID), nil, 204, nil, nil},
	})
}

func TestAWarningIsPassedOnWithTheHostItIsAbout(t *testing.T) {
	h := newHost(t)
	mallory := kims(peer.Gone, peer.Channel{Name: "zoe"})
	mallory.Warning, mallory.Instead, mallory.Since = "Another computer.", "cccccccccccccccc", time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	mallory.Addr = netip.AddrPort{}
	h.hosts.become(mallory)
	h.play([]call{{"guest", "GET", "/api/hosts", nil, 200, []string{`"warning":"Another computer."`, `"instead":"cccccccccccccccc"`,
		`"presence":"gone"`, `"since":"2026-05-01T12:00:00Z"`, `"address":""`, `"channels":1`}, nil}})
}
