package server_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/coder/websocket"
	"github.com/pion/rtp"

	"echo.tv/server"
	"echo.tv/server/servertest"
)

// audience is a room of real players that can all vanish at once: from then on
// they read nothing and say nothing, and no socket is closed.
type audience struct {
	t    *testing.T
	host *servertest.Host
	gone chan struct{}
	home sync.WaitGroup
}

// sit starts n players; play returns when the audience is gone.
func (a *audience) sit(n int, play func(i int) error) {
	for i := range n {
		a.home.Go(func() {
			if err := play(i); err != nil && a.t.Context().Err() == nil {
				a.t.Errorf("player %d: %v", i, err)
			}
		})
	}
}

// here reports whether the players are still there.
func (a *audience) here() bool {
	select {
	case <-a.gone:
		return false
	default:
		return true
	}
}

// byPush watches as our page does, with an ack every five seconds.
func (a *audience) byPush(i int) error {
	ws, _, err := websocket.Dial(a.t.Context(), a.host.URL+"/push", &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {a.host.URL}}})
	if err != nil {
		return err
	}
	a.t.Cleanup(func() { ws.CloseNow() })
	ws.SetReadLimit(1 << 24)
	say := func(text string) error { return ws.Write(a.t.Context(), websocket.MessageText, []byte(text)) }
	if err := say(fmt.Sprintf(`{"watch":"ann","viewer":"push-player-%08d"}`, i)); err != nil {
		return err
	}
	for acked := time.Now(); a.here(); {
		if _, _, err := ws.Read(a.t.Context()); err != nil {
			return err
		}
		if time.Since(acked) > 5*time.Second {
			acked = time.Now()
			if err := say(`{"ack":"ann"}`); err != nil {
				return err
			}
		}
	}
	return nil
}

var lastPart = regexp.MustCompile(`#EXT-X-PART:.*URI="([^"]+)"`)

// byHLS asks for playlists and takes their parts. The first twenty are
// our page's and have an id; the others are browsers that play HLS themselves.
func (a *audience) byHLS(i int) error {
	id := ""
	if i < 20 {
		id = fmt.Sprintf("hls-player-%08d", i)
	}
	return a.byHTTP("/hls/ann/live.m3u8", id, lastPart, 100*time.Millisecond)
}

var lastSegment = regexp.MustCompile(`(?m)^([^#].*\.ts)$`)

// byTS polls as a television does.
func (a *audience) byTS(int) error {
	return a.byHTTP("/hls/ann/ts/index.m3u8", "", lastSegment, 500*time.Millisecond)
}

// byHTTP takes the media of a playlist, each piece once, on connections of its
// own that stay open.
func (a *audience) byHTTP(playlist, id string, media *regexp.Regexp, every time.Duration) error {
	own := &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}
	a.t.Cleanup(own.CloseIdleConnections)
	get := func(path string) (string, error) {
		req, err := http.NewRequestWithContext(a.t.Context(), "GET", a.host.URL+path, nil)
		if err != nil {
			return "", err
		}
		if id != "" {
			req.Header.Set("X-Echotv-Viewer", id)
		}
		res, err := own.Do(req)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		return string(b), err
	}
	folder, took := playlist[:strings.LastIndex(playlist, "/")+1], ""
	for a.here() {
		list, err := get(playlist)
		if err != nil {
			return err
		}
		for _, name := range after(took, media.FindAllStringSubmatch(list, -1)) {
			if _, err := get(folder + name); err != nil {
				return err
			}
			took = name
		}
		time.Sleep(every)
	}
	return nil
}

// after returns the names that follow the last one taken, of those listed; the
// newest where none was.
func after(took string, listed [][]string) (names []string) {
	for i := len(listed) - 1; i >= 0 && listed[i][1] != took && (took != "" || len(names) == 0); i-- {
		names = append([]string{listed[i][1]}, names...)
	}
	return names
}

// byRTSP plays by TCP through a connection that can stop reading.
func (a *audience) byRTSP(int) error {
	at := regexp.MustCompile(`rtsp=([0-9.:]+)`).FindStringSubmatch(a.host.Log.String())
	if at == nil {
		return errors.New("the host does not say where RTSP is")
	}
	u, err := base.ParseURL("rtsp://" + at[1] + "/ann")
	if err != nil {
		return err
	}
	tcp := gortsplib.TransportTCP
	c := &gortsplib.Client{Scheme: u.Scheme, Host: u.Host, Transport: &tcp,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			// What a frozen player's kernel still takes is seconds of this stream.
			nc.(*net.TCPConn).SetReadBuffer(32 << 10)
			return &deaf{nc, a}, nil
		}}
	if err := c.Start2(); err != nil {
		return err
	}
	desc, _, err := c.Describe(u)
	if err == nil {
		err = c.SetupAll(desc.BaseURL, desc.Medias)
	}
	if err != nil {
		return err
	}
	c.OnPacketRTPAny(func(*description.Media, format.Format, *rtp.Packet) {})
	if _, err := c.Play(nil); err != nil {
		return err
	}
	a.t.Cleanup(c.Close)
	<-a.gone
	return nil
}

// deaf is a connection whose program reads and writes nothing once the audience
// is gone.
type deaf struct {
	net.Conn
	audience *audience
}

func (d *deaf) Read(p []byte) (int, error) {
	if !d.audience.here() {
		<-d.audience.t.Context().Done()
		return 0, io.EOF
	}
	return d.Conn.Read(p)
}

func (d *deaf) Write(p []byte) (int, error) {
	if !d.audience.here() {
		return len(p), nil
	}
	return d.Conn.Write(p)
}

// numbers asks everybody who tells how many watch ann.
func (a *audience) numbers() (map[string]int, error) {
	c := servertest.NewClient(a.host.URL)
	got := map[string]int{}
	e, err := c.Channel("ann")
	if err != nil {
		return nil, err
	}
	got["the API"] = e.Viewers
	texts := map[string]string{}
	for _, path := range []string{"/stat.json", "/stat.xml", "/metrics"} {
		_, text, _, err := c.Get(path)
		if err != nil {
			return nil, err
		}
		texts[path] = text
	}
	var figures struct {
		Host    struct{ Viewers int }
		Streams []struct{ Viewers int }
	}
	var nginx struct {
		Clients int `xml:"server>application>live>stream>nclients"`
	}
	if err := json.Unmarshal([]byte(texts["/stat.json"]), &figures); err != nil {
		return nil, err
	}
	if err := xml.Unmarshal([]byte(texts["/stat.xml"]), &nginx); err != nil {
		return nil, err
	}
	got["the page"], got["the page's sum"], got["nginx's XML"] = figures.Streams[0].Viewers, figures.Host.Viewers, nginx.Clients-1
	for _, m := range regexp.MustCompile(`(?m)^echotv_viewers\{channel="ann",path="(\w+)"\} (\d+)$`).FindAllStringSubmatch(texts["/metrics"], -1) {
		n, _ := strconv.Atoi(m[2])
		got["Prometheus"] += n
		got["Prometheus by "+m[1]] = n
	}
	return got, nil
}

func (a *audience) counts(want int) func() string {
	return func() string {
		got, err := a.numbers()
		if err != nil {
			return err.Error()
		}
		for _, who := range []string{"the API", "the page", "the page's sum", "nginx's XML", "Prometheus"} {
			if got[who] != want {
				return fmt.Sprintf("not all say %d: %v", want, got)
			}
		}
		return ""
	}
}

// TestSixtyViewersAreSixtyEverywhereAndNoneWhenTheyVanish is the whole promise of
// the viewer count, with real players of every kind.
func TestSixtyViewersAreSixtyEverywhereAndNoneWhenTheyVanish(t *testing.T) {
	clip := servertest.SmallClip
	clip.Kbit = 1000
	clip.File(t)
	h := servertest.Start(t, func(c *server.Config) { c.RTSP = "127.0.0.1:0" })
	ann := h.Owner(t, "ann")
	key, err := ann.NewKey("desktop")
	if err != nil {
		t.Fatal(err)
	}
	servertest.Publish(t, clip, h.RTMP+"/"+key.Secret)
	servertest.Eventually(t, ann.Is("ann", "live"))
	time.Sleep(3 * time.Second) // so that MPEG-TS has something to begin with

	a := &audience{t: t, host: h, gone: make(chan struct{})}
	a.sit(25, a.byPush)
	a.sit(25, a.byHLS)
	a.sit(5, a.byRTSP)
	a.sit(5, a.byTS)
	came := time.Now()
	if why := servertest.Within(30*time.Second, a.counts(60)); why != "" {
		t.Fatal(why)
	}
	t.Logf("sixty after %v", time.Since(came).Round(100*time.Millisecond))
	for end := time.Now().Add(8 * time.Second); time.Now().Before(end); time.Sleep(time.Second) {
		if why := a.counts(60)(); why != "" {
			t.Error(why) // not one more, not one less, while they watch
		}
	}
	_, metrics, _, err := servertest.NewClient(h.URL).Get("/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`host_sent_bytes_total{path="push"}`, `host_sent_bytes_total{path="hls"}`, `host_sent_bytes_total{path="ts"}`,
		`sent_bytes_total{channel="ann",path="rtsp"}`, `part_latency_seconds_count`, `ingest_frames_total{channel="ann",media="audio"}`} {
		if !regexp.MustCompile(`(?m)^echotv_` + regexp.QuoteMeta(want) + ` [1-9]`).MatchString(metrics) {
			t.Errorf("%s counts nothing", want)
		}
	}
	close(a.gone)
	a.home.Wait() // the last request of each was answered
	left := time.Now()
	if why := servertest.Within(20*time.Second, a.counts(0)); why != "" {
		t.Fatal(why)
	}
	t.Logf("none after %v", time.Since(left).Round(100*time.Millisecond))
	if n := h.Recovered(); n > 0 {
		t.Errorf("%d panics", n)
	}
}
