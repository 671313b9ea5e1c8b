package server_test

import (
	"context"
	"fmt"
	"hash/maphash"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"echo.tv/server/guide"
	"echo.tv/server/servertest"
)

// crowd is viewers on one machine that watch a channel by push, as a page does.
type crowd struct {
	t       *testing.T
	channel string
	all     sync.WaitGroup
	leave   context.CancelFunc

	mu    sync.Mutex
	seed  maphash.Seed
	media map[uint64]time.Time // guarded by mu; when the first viewer had a message, by its payload
	each  []int                // guarded by mu; messages of each viewer
	said  []string             // guarded by mu; texts
}

// watchers sends n viewers on machine to the pages of host.
func watchers(t *testing.T, machine, host *servertest.Machine, channel string, n int, seed maphash.Seed) *crowd {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := &crowd{t: t, channel: channel, leave: cancel, seed: seed, media: map[uint64]time.Time{}, each: make([]int, n)}
	at := machine.Browser(host).URL
	for i := range n {
		ws, _, err := websocket.Dial(ctx, strings.Replace(at, "http", "ws", 1)+"/push", &websocket.DialOptions{
			HTTPHeader: http.Header{"Origin": {at}},
			HTTPClient: &http.Client{Transport: &http.Transport{DialContext: machine.Dial, DisableKeepAlives: true}}})
		if err != nil {
			t.Fatal(err)
		}
		ws.SetReadLimit(1 << 24)
		c.all.Go(func() { c.read(ctx, ws, i) })
		c.all.Go(func() { c.talk(ctx, ws, i) })
	}
	t.Cleanup(c.end)
	return c
}

func (c *crowd) end() { c.leave(); c.all.Wait() }

func (c *crowd) talk(ctx context.Context, ws *websocket.Conn, i int) {
	text := fmt.Sprintf(`{"watch":%q,"viewer":"viewer-%016d"}`, c.channel, i)
	for ws.Write(ctx, websocket.MessageText, []byte(text)) == nil {
		text = fmt.Sprintf(`{"ack":%q}`, c.channel)
		select {
		case <-time.After(5 * time.Second):
		case <-ctx.Done():
		}
	}
}

func (c *crowd) read(ctx context.Context, ws *websocket.Conn, i int) {
	defer ws.CloseNow()
	for {
		kind, raw, err := ws.Read(ctx)
		if err != nil {
			return
		}
		now := time.Now()
		c.mu.Lock()
		if kind == websocket.MessageText {
			c.said = append(c.said, string(raw))
		} else if raw[0] == 2 {
			c.each[i]++
			// The boxes before it tell the time, and each host has its own.
			if at := len(raw) - 400; at > 0 {
				key := maphash.Bytes(c.seed, raw[at:])
				if _, seen := c.media[key]; !seen {
					c.media[key] = now
				}
			}
		}
		c.mu.Unlock()
	}
}

// least returns how many messages the viewer has that has the fewest.
func (c *crowd) least() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Min(c.each)
}

func (c *crowd) plays(t *testing.T) {
	t.Helper()
	from := c.least()
	servertest.Eventually(t, func() string {
		if n := c.least(); n < from+30 {
			c.mu.Lock()
			defer c.mu.Unlock()
			return fmt.Sprintf("one viewer got %d messages since %d; they were told %.300q", n, from, c.said)
		}
		return ""
	})
}

// lists returns "" when the guide of m has a channel called name on another host
// in that state, and puts the entry into into.
func lists(m *servertest.Machine, name, state string, into *guide.Entry) func() string {
	return func() string {
		var list struct{ Channels []guide.Entry }
		if err := m.Browser(m).Do("GET", "/channels", nil, &list); err != nil {
			return err.Error()
		}
		for _, e := range list.Channels {
			if string(e.Name) == name && e.HostID != "" && string(e.State) == state {
				*into = e
				return ""
			}
		}
		return fmt.Sprintf("%s does not list %s as %s: %+v", m.Name, name, state, list.Channels)
	}
}

// connections returns how many connections machine has to the pages of host.
func connections(machine, host *servertest.Machine) int {
	out := machine.Run("ss", "-Htn", "state", "established", "dst", host.Addr.String(), "and", "dport", "=", "5175")
	return strings.Count(out, "\n")
}

// The promise of relays, with real programs on three machines.
func TestAViewerWatchesAnotherHostThroughTheOwn(t *testing.T) {
	servertest.NeedTool(t, "ss")
	n := servertest.NewNetwork(t)
	ann, bob, cyd := n.Machine("ann-pc"), n.Machine("bob-pc"), n.Machine("cyd-pc")
	program := build(t)
	keys := map[*servertest.Machine]string{}
	for _, m := range []*servertest.Machine{ann, bob, cyd} {
		m.Start(program)
		keys[m] = m.Own(m.Name[:3])
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, m := range []*servertest.Machine{ann, cyd} {
				t.Logf("log of %s:\n%s", m.Name, m.Log)
			}
		}
	})
	ann.Publish(servertest.SmallClip, keys[ann])
	bob.Publish(servertest.SmallClip, keys[bob])
	var there, bobs guide.Entry
	in(t, "ann's channel in cyd's guide", 10*time.Second, lists(cyd, "ann", "live", &there), lists(cyd, "bob", "live", &bobs))
	if code, body, _, err := cyd.Browser(cyd).Get("/hls/" + string(there.Channel) + "/thumb.mp4"); err != nil || code != 200 || len(body) < 500 {
		t.Errorf("ann's picture at cyd's: %d, %d bytes, %v", code, len(body), err)
	}
	idle := connections(cyd, ann)

	// Twenty on cyd's machine, and one who watches on ann's own page to compare.
	seed := maphash.MakeSeed()
	direct := watchers(t, cyd, ann, "ann", 1, seed)
	began := time.Now()
	crowd := watchers(t, cyd, cyd, string(there.Channel), 20, seed)
	crowd.plays(t)
	t.Logf("twenty play %v after they came", time.Since(began).Round(10*time.Millisecond))
	direct.end()
	servertest.Eventually(t, func() string {
		if n := connections(cyd, ann); n != idle+1 {
			return fmt.Sprintf("%d viewers cost ann %d connections", 20, n-idle)
		}
		return ""
	})
	servertest.Eventually(t, func() string {
		var e guide.Entry
		if err := ann.Browser(ann).Do("GET", "/channels/ann", nil, &e); err != nil {
			return err.Error()
		}
		if e.Viewers != 20+1 { // the one who left counts for 15 s
			return fmt.Sprintf("ann sees %d viewers", e.Viewers)
		}
		return ""
	})
	tellDelay(t, direct, crowd)

	// Also players that are no pages, of a channel that nobody here watches yet.
	for _, address := range []string{
		"http://127.0.0.1:5175/hls/" + string(there.Channel) + "/index.m3u8",
		"rtmp://127.0.0.1:1935/live/" + string(bobs.Channel),
		"rtsp://127.0.0.1:8554/" + string(bobs.Channel),
		"http://127.0.0.1:5175/hls/" + string(bobs.Channel) + "/ts/index.m3u8",
	} {
		cyd.Run("ffmpeg", "-v", "error", "-i", address, "-t", "1", "-f", "null", "-")
	}

	bob.Kill()
	in(t, "bob's channel is dimmed at cyd's", time.Second, presence(cyd, bob, "gone"))
	crowd.plays(t)

	// Ann's machine dies and comes back; OBS does, too.
	ann.Kill()
	in(t, "the signal is lost at cyd's", 5*time.Second, lists(cyd, "ann", "lost", &there))
	ann.Start(program)
	ann.Publish(servertest.SmallClip, keys[ann])
	in(t, "the crowd goes on", 15*time.Second, lists(cyd, "ann", "live", &there))
	crowd.plays(t)
	crowd.mu.Lock()
	for _, text := range crowd.said {
		if strings.Contains(text, `"off"`) {
			t.Errorf("a viewer was sent away: %s", text)
		}
	}
	crowd.mu.Unlock()
	if strings.Contains(cyd.Log.String(), "panic") || strings.Contains(ann.Log.String(), "panic") {
		t.Error("a handler failed")
	}
}

// tellDelay logs how much later the crowd had a message than the direct viewer.
func tellDelay(t *testing.T, direct, crowd *crowd) {
	direct.mu.Lock()
	defer direct.mu.Unlock()
	crowd.mu.Lock()
	defer crowd.mu.Unlock()
	var late []time.Duration
	for key, at := range direct.media {
		if there, ok := crowd.media[key]; ok {
			late = append(late, there.Sub(at))
		}
	}
	if len(late) < 20 {
		t.Errorf("only %d messages came both ways", len(late))
		return
	}
	slices.Sort(late)
	t.Logf("added delay over %d messages: median %v, 95th percentile %v", len(late), late[len(late)/2], late[len(late)*95/100])
}

// The same with a real page: chosen in the own guide, played without a word to
// any other machine, and never reloaded.
func TestAPageWatchesAnotherHostThroughTheOwn(t *testing.T) {
	builtUI(t)
	n := servertest.NewNetwork(t)
	ann, bob, cyd := n.Machine("ann-pc"), n.Machine("bob-pc"), n.Machine("cyd-pc")
	program := build(t)
	var key string
	for _, m := range []*servertest.Machine{bob, cyd, ann} {
		m.Start(program)
		key = m.Own(m.Name[:3])
	}
	ann.Publish(servertest.SmallClip, key)
	var there guide.Entry
	servertest.Eventually(t, lists(cyd, "ann", "live", &there))

	own := cyd.Browser(cyd).URL
	j := startWith(t, cyd.Command, "away.mjs", own, "ann")
	plays := func(place string) {
		t.Helper()
		now := j.reaches(place)
		t.Logf("%s: %v", place, now)
		if fmt.Sprint(now["hosts"]) != "["+strings.TrimPrefix(own, "http://")+"]" || now["same"] != true {
			t.Errorf("%s: the page spoke with %v, and has another video: %v", place, now["hosts"], now["same"] != true)
		}
		if errs, _ := now["errors"].([]any); len(errs) > 0 {
			t.Errorf("%s: the page complained: %v", place, errs)
		}
	}
	plays("playing")
	t.Logf("by HLS: %v", j.reaches("by HLS"))
	bob.Kill()
	j.goOn()
	plays("still")
	ann.Kill()
	j.goOn()
	t.Logf("lost: %v", j.reaches("lost")["words"])
	ann.Start(program)
	ann.Publish(servertest.SmallClip, key)
	j.goOn()
	plays("back")
}
