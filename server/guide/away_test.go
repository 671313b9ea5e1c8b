package guide

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"echo.tv/server/live"
	"echo.tv/server/peer"
	"echo.tv/server/tv"
)

// network is what peer knows, as a test says.
type network struct {
	mu      sync.Mutex
	rows    []peer.Host
	changed chan struct{}
}

func newNetwork(rows ...peer.Host) *network {
	return &network{rows: rows, changed: make(chan struct{})}
}

func (n *network) Hosts() []peer.Host {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.rows
}

func (n *network) Changed() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.changed
}

func (n *network) become(rows ...peer.Host) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rows = rows
	close(n.changed)
	n.changed = make(chan struct{})
}

const (
	kimsID = tv.HostID("aaaaaaaaaaaaaaaa")
	leesID = tv.HostID("bbbbbbbbbbbbbbbb")
)

func host(id tv.HostID, on ...peer.Channel) peer.Host {
	return peer.Host{ID: id, Name: "Kim's laptop", Words: "amber fox quiet lamp", Warning: "one sentence", Addr: netip.MustParseAddrPort("192.168.1.7:5175"),
		Presence: peer.Here, Since: noon, Channels: on}
}

func on(name tv.ChannelName, state live.State) peer.Channel {
	return peer.Channel{Name: name, State: string(state), Since: noon}
}

func keys(list []Entry) string {
	var all []string
	for _, e := range list {
		all = append(all, string(e.Channel))
	}
	return strings.Join(all, " ")
}

func TestAChannelOfAnotherHostSaysWhereItIs(t *testing.T) {
	h := host(kimsID, peer.Channel{Name: "ann", Title: "Chess", Category: "Games", State: "live", Since: noon, Viewers: 3,
		Width: 1920, Height: 1080, FPS: 59.94006, VideoCodec: "H.264", AudioCodec: "AAC", Bitrate: 4_000_000, Picture: 7})
	list, err := New(newHub(), &book{rows: []Profile{{Name: "ann"}}}, newNetwork(h)).List()
	if err != nil || keys(list) != "ann@aaaaaaaaaaaaaaaa ann" {
		t.Fatalf("got %q, %v", keys(list), err)
	}
	e := list[0]
	if e.Name != "ann" || e.Host != "Kim's laptop" || e.HostID != kimsID || e.Words != h.Words || e.Warning != h.Warning || e.Address != "http://192.168.1.7:5175" ||
		e.Presence != peer.Here || e.GoneSince != nil {
		t.Errorf("where: %+v", e)
	}
	if e.Title != "Chess" || e.Category != "Games" || e.State != live.Live || !e.Since.Equal(noon) || e.Viewers != 3 || e.Width != 1920 ||
		e.FPS != 59.94 || e.VideoCodec != "H.264" || e.AudioCodec != "AAC" || e.Bitrate != 4_000_000 || e.Picture != 7 {
		t.Errorf("what: %+v", e)
	}
}

func TestOnlyWhatIsOnAirThereIsListed(t *testing.T) {
	for _, c := range []struct {
		name  string
		hosts []peer.Host
		want  string
	}{
		{"no host", nil, ""},
		{"a host without channels", []peer.Host{host(kimsID)}, ""},
		{"live, lost and starting", []peer.Host{host(kimsID, on("cy", live.Starting), on("ann", live.Live), on("bob", live.Lost))}, "ann bob cy"},
		{"off the air", []peer.Host{host(kimsID, on("ann", live.Offline))}, ""},
		{"a state that we do not know", []peer.Host{host(kimsID, on("ann", "LIVE"), on("bob", ""), on("cy", "live "))}, ""},
		{"one name twice", []peer.Host{host(kimsID, on("ann", live.Live), on("ann", live.Lost))}, "ann"},
		{"one name on two hosts", []peer.Host{host(kimsID, on("ann", live.Live)), host(leesID, on("ann", live.Live))}, "ann ann"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, e := range away(c.hosts, nil, MostAway) {
				got = append(got, string(e.Name))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// A host says what it likes, up to a hundred channels; ten of them would fill
// every list and push out the neighbour who has one.
func TestAHostWithManyChannelsHidesNobody(t *testing.T) {
	var hosts []peer.Host
	for i := range 10 {
		h := host(tv.HostID(strings.Repeat(string(rune('a'+i)), 16)))
		for n := range 100 {
			h.Channels = append(h.Channels, on(tv.ChannelName(fmt.Sprintf("many%02d", n)), live.Live))
		}
		hosts = append(hosts, h)
	}
	small := host("zzzzzzzzzzzzzzzz", on("zoe", live.Starting))
	list := away(append(hosts, small), nil, MostAway)
	per := map[tv.HostID]int{}
	for _, e := range list {
		per[e.HostID]++
	}
	if len(list) != MostAway || per[small.ID] != 1 {
		t.Errorf("%d entries, %d of the small host", len(list), per[small.ID])
	}
	for _, h := range hosts {
		if per[h.ID] < 19 || per[h.ID] > 20 {
			t.Errorf("%s has %d entries", h.ID, per[h.ID])
		}
	}
}

func TestTheNewestWordOnAChannelCounts(t *testing.T) {
	for _, c := range []struct {
		name       string
		said, seen live.State
		want       live.State
	}{
		{"nobody here watches", live.Live, "", live.Live},
		{"the picture stopped here first", live.Live, live.Lost, live.Lost},
		{"the picture is back here first", live.Lost, live.Live, live.Live},
		{"the relay has no picture yet", live.Live, live.Starting, live.Live},
		{"the relay has ended", live.Lost, live.Offline, live.Lost},
		{"about to start there", live.Starting, live.Lost, live.Starting},
		{"off there, held here", live.Offline, live.Lost, live.Offline},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := stateAway(c.said, c.seen); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// A relay is a channel of our hub with another host's name: listed as our own, it
// would stand there twice, and go round between hosts that relay each other.
func TestARelayIsNoChannelOfOurs(t *testing.T) {
	hub := newHub()
	s, err := hub.Publish(live.Publisher{Channel: tv.ChannelName("ann").At(kimsID)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(nil)
	f := newNetwork(host(kimsID, on("ann", live.Live)))
	g := New(hub, &book{}, f)
	if list, err := g.List(); err != nil || keys(list) != "ann@aaaaaaaaaaaaaaaa" {
		t.Errorf("got %q, %v", keys(list), err)
	}
	f.become() // it left, and the relay still holds its picture
	if list, err := g.List(); err != nil || len(list) != 0 {
		t.Errorf("got %q, %v", keys(list), err)
	}
}

func TestAGoneHostKeepsItsChannelsUntilItIsForgotten(t *testing.T) {
	gone := host(kimsID, on("ann", live.Live))
	gone.Presence, gone.Since = peer.Gone, noon.Add(time.Minute)
	f := newNetwork(gone)
	g := New(newHub(), &book{}, f)
	list, err := g.List()
	if err != nil || len(list) != 1 || list[0].Presence != peer.Gone || list[0].State != live.Live || !list[0].GoneSince.Equal(gone.Since) {
		t.Fatalf("got %+v, %v", list, err)
	}
	f.become()
	if list, err := g.List(); err != nil || len(list) != 0 {
		t.Errorf("got %q, %v", keys(list), err)
	}
}

func TestGetFindsTheChannelsOfOtherHosts(t *testing.T) {
	g := New(newHub(), &book{rows: []Profile{{Name: "bob"}}}, newNetwork(host(kimsID, on("ann", live.Live))))
	for _, c := range []struct {
		name  tv.ChannelName
		found bool
		state live.State
	}{
		{tv.ChannelName("ann").At(kimsID), true, live.Live},
		{tv.ChannelName("bob").At(kimsID), true, live.Offline}, // whether anybody there has the name is not told
		{tv.ChannelName("ann").At(leesID), false, ""},
		{"ann", false, ""},
		{"bob", true, live.Offline},
	} {
		e, found, err := g.Get(c.name)
		if err != nil || found != c.found || e.State != c.state || (found && e.Channel != c.name) {
			t.Errorf("%s: %v %v %+v", c.name, found, err, e)
		}
	}
	if _, _, err := New(newHub(), &book{}, nil).Get(tv.ChannelName("ann").At(kimsID)); err != nil {
		t.Errorf("without other hosts: %v", err)
	}
}

func TestPagesAreAtTheAddressAlone(t *testing.T) {
	for at, want := range map[string]string{
		"192.168.1.7:5175":      "http://192.168.1.7:5175",
		"[fe80::1%eth0]:5175":   "http://[fe80::1]:5175",
		"[2001:db8::7]:1024":    "http://[2001:db8::7]:1024",
		"[::ffff:10.0.0.1]:900": "http://10.0.0.1:900",
	} {
		if got := Pages(netip.MustParseAddrPort(at)); got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
	if got := Pages(netip.AddrPort{}); got != "" {
		t.Errorf("no address: %q", got)
	}
}
