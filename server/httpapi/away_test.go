package httpapi

import (
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"echo.tv/server/peer"
	"echo.tv/server/tv"
)

// fakeHosts is a network of other computers that a test describes.
type fakeHosts struct {
	mu      sync.Mutex
	rows    []peer.Host
	changed chan struct{}
}

func newFakeHosts() *fakeHosts { return &fakeHosts{changed: make(chan struct{})} }

func (f *fakeHosts) Hosts() []peer.Host {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rows
}

func (f *fakeHosts) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

func (f *fakeHosts) become(rows ...peer.Host) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rows = rows
	close(f.changed)
	f.changed = make(chan struct{})
}

const kimsID = tv.HostID("aaaaaaaaaaaaaaaa")

func kims(presence peer.Presence, on ...peer.Channel) peer.Host {
	return peer.Host{ID: kimsID, Name: "Kim's laptop", Words: "amber fox quiet lamp", Addr: netip.MustParseAddrPort("192.168.1.7:5175"),
		Presence: presence, Since: time.Now(), Channels: on}
}

func TestAnotherHostsChannelIsInTheListAndByItsName(t *testing.T) {
	h := joined(t)
	h.hosts.become(kims(peer.Here, peer.Channel{Name: "zoe", Title: "Falling", State: "live", Viewers: 4}))
	zoe := `"channel":"zoe@aaaaaaaaaaaaaaaa","name":"zoe","title":"Falling"`
	h.play([]call{
		{"nobody", "GET", "/api/channels", nil, 200, []string{zoe, `"host":"Kim's laptop"`, `"address":"http://192.168.1.7:5175"`}, nil},
		{"nobody", "GET", "/api/channels/zoe@aaaaaaaaaaaaaaaa", nil, 200, []string{zoe, `"presence":"here","goneSince":null`}, nil},
		{"nobody", "GET", "/api/channels/ZOE%40aaaaaaaaaaaaaaaa", nil, 200, []string{zoe}, nil},
		{"nobody", "GET", "/api/channels/bob@aaaaaaaaaaaaaaaa", nil, 200, []string{`"state":"offline"`}, nil},
		{"nobody", "GET", "/api/channels/zoe", nil, 404, nil, []string{"Kim"}},
		{"nobody", "GET", "/api/channels/zoe@bbbbbbbbbbbbbbbb", nil, 404, []string{"not on the network"}, nil},
		{"nobody", "GET", "/api/channels/zoe@192.168.1.7", nil, 404, nil, nil},
		{"nobody", "GET", "/api/channels/zoe@aaaaaaaaaaaaaaaa@aaaaaaaaaaaaaaaa", nil, 404, nil, nil},
	})
}

func TestListenersHearOfAnotherHostAtOnce(t *testing.T) {
	h := joined(t)
	c, _ := h.listen(h.server.URL)
	eventually(t, c, `"type":"channels"`)
	eventually(t, c, `"type":"addresses"`)
	h.hosts.become(kims(peer.Here, peer.Channel{Name: "zoe", State: "live"}))
	mustHave(t, next(t, c), `"zoe@aaaaaaaaaaaaaaaa"`, `"presence":"here"`)
	h.hosts.become(kims(peer.Gone, peer.Channel{Name: "zoe", State: "live"}))
	mustHave(t, next(t, c), `"presence":"gone"`)
	h.hosts.become()
	mustNotHave(t, next(t, c), "zoe")
}

// The worker may ask one address and no other, whatever a host calls itself.
func TestTheProbeAsksTheOneHostOnly(t *testing.T) {
	h := joined(t)
	evil := kims(peer.Here)
	evil.Name = `"); fetch("http://evil.example`
	h.hosts.become(evil)
	r := h.must(200, "nobody", "GET", "/api/hosts/aaaaaaaaaaaaaaaa/reach.js", nil)
	if got := r.header.Get("Content-Security-Policy"); got != "default-src 'none'; connect-src http://192.168.1.7:5175" {
		t.Errorf("its policy is %q", got)
	}
	if got := r.header.Get("Content-Type"); !strings.HasPrefix(got, "text/javascript") {
		t.Errorf("its type is %q", got)
	}
	mustHave(t, r.text, `fetch("http://192.168.1.7:5175/hls/"`)
	mustNotHave(t, r.text, "evil")
	for _, id := range []string{"bbbbbbbbbbbbbbbb", "192.168.1.7:5175", "%2e%2e", "aaaaaaaaaaaaaaaa%22"} {
		h.must(404, "nobody", "GET", "/api/hosts/"+id+"/reach.js", nil)
	}
	if got := h.must(200, "nobody", "GET", "/", nil).header.Get("Content-Security-Policy"); strings.Contains(got, "192.168") {
		t.Errorf("the page may connect to others: %s", got)
	}
}
