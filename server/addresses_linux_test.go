package server_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"echo.tv/server/httpapi"
	"echo.tv/server/servertest"
)

// Studio, the share dialog and the poster show what the event socket says.
func TestThePagesFollowANewLeaseWithinThreeSeconds(t *testing.T) {
	n := servertest.NewNetwork(t)
	ann := n.Machine("ann-pc")
	ann.Start(build(t), "--no-discovery")
	ann.Own("ann")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	page, _, err := websocket.Dial(ctx, "ws://127.0.0.1:5175/api/events", &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: &http.Transport{DialContext: ann.Dial}},
		HTTPHeader: http.Header{"Origin": {"http://127.0.0.1:5175"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer page.CloseNow()
	hears := func(what string) func() string {
		return func() string {
			for {
				_, event, err := page.Read(ctx)
				if err != nil {
					return "the page hears nothing of " + what + ": " + err.Error()
				}
				if strings.Contains(string(event), what) {
					return ""
				}
			}
		}
	}
	in(t, "the page knows the address", 3*time.Second, hears(`"url":"http://10.77.0.1:5175","kind":"ethernet","adapter":"eth0","best":true`))
	ann.SetAddr(netip.MustParseAddr("10.77.0.99"))
	in(t, "the new lease", 3*time.Second, hears(`"url":"http://10.77.0.99:5175","kind":"ethernet","adapter":"eth0","best":true`))
	ann.Unplug()
	in(t, "no cable", 3*time.Second, hears(`"watch":[{"url":"http://127.0.0.1:5175","kind":"here","adapter":"","best":false}]`))
	ann.Plug()
	in(t, "the cable again", 3*time.Second, hears(`"url":"http://10.77.0.99:5175"`))

	var server struct{ Addresses httpapi.Addresses }
	if err := ann.Browser(ann).Do("GET", "/server", nil, &server); err != nil || len(server.Addresses.Publish) != 2 {
		t.Errorf("%+v, %v", server.Addresses, err)
	}
}

// A name that nobody can open is worse than none.
func TestTheNameIsShownWhereItResolves(t *testing.T) {
	n := servertest.NewNetwork(t)
	ann, bob := n.Machine("ann-pc"), n.Machine("bob-pc")
	startAvahi(t, ann)
	program := build(t)
	watches := func(m *servertest.Machine) string {
		var server struct{ Addresses httpapi.Addresses }
		if err := m.Browser(m).Do("GET", "/server", nil, &server); err != nil {
			return err.Error()
		}
		return fmt.Sprint(server.Addresses.Watch)
	}
	for _, m := range []*servertest.Machine{ann, bob} {
		m.Start(program, "--no-discovery")
		m.Own(strings.TrimSuffix(m.Name, "-pc"))
	}
	in(t, "the name in the pages", 10*time.Second, func() string {
		if all := watches(ann); !strings.Contains(all, "{http://ann-pc.local:5175 name") {
			return "ann is told " + all
		}
		return ""
	})
	if all := watches(bob); strings.Contains(all, ".local") {
		t.Errorf("nothing answers for bob's name, and bob is told %s", all)
	}
	byName := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return bob.Dial(ctx, network, "10.77.0.1:5175")
	}}}
	r, err := byName.Get("http://ann-pc.local:5175/api/health")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusOK {
		t.Errorf("under its name ann answers %s", r.Status)
	}
}
