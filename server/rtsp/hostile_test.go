package rtsp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/pion/rtp"

	"echo.tv/server/tv"
)

// quick makes the waits of a server short enough for a test to sit them out.
func quick(s *Server) { s.times.start = 300 * time.Millisecond }

// fine fails the test unless a well-behaved player is still served.
func (h *house) fine(name string) {
	h.t.Helper()
	if res := h.talk().ask("DESCRIBE", "/"+name); res.StatusCode != 200 {
		h.t.Errorf("afterwards others are answered with %v", res)
	}
}

// outcome is what a stranger's words lead to: the status of the last answer, 0
// for none, and whether the connection was closed within a second of it.
func (h *house) outcome(words ...string) (status base.StatusCode, closed bool) {
	h.t.Helper()
	nc := h.dial()
	for _, w := range words {
		io.WriteString(nc, w) // it may have been hung up on already
	}
	r := bufio.NewReader(nc)
	for {
		nc.SetReadDeadline(time.Now().Add(time.Second))
		var res base.Response
		if err := res.Unmarshal(r); err != nil {
			return status, !errors.Is(err, os.ErrDeadlineExceeded)
		}
		status = res.StatusCode
	}
}

func request(method, path string, headers ...string) string {
	return fmt.Sprintf("%s rtsp://127.0.0.1%s RTSP/1.0\r\nCSeq: 1\r\n%s\r\n", method, path, strings.Join(append(headers, ""), "\r\n"))
}

// A channel of another host takes up to five seconds to get here. Whoever asked
// for one by SETUP kept everybody from starting meanwhile.
func TestAStrangerThatWaitsForAnotherHostKeepsNobodyFromStarting(t *testing.T) {
	asked, never := make(chan tv.ChannelName, 9), make(chan struct{})
	h := open(t, func(s *Server) {
		s.cfg.Fetch = func(ctx context.Context, name tv.ChannelName) error {
			asked <- name
			select {
			case <-never:
			case <-ctx.Done():
			}
			return tv.Errorf(tv.NotFound, "it does not answer")
		}
	})
	h.feed("ann", h264Track, aacTrack).send(1, 100)
	const far = "/ann@aaaaaaaaaaaaaaaa"
	for _, words := range []string{request("SETUP", far+"/trackID=0", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"), request("DESCRIBE", far)} {
		io.WriteString(h.dial(), words)
		select {
		case <-asked:
		case <-time.After(300 * time.Millisecond): // it may not be waited for at all
		}
		begin := time.Now()
		if res, err := h.play(h.talk(), "ann"); err != nil || res.StatusCode != base.StatusOK || time.Since(begin) > 2*time.Second {
			t.Errorf("beside %.30q: %v, %v after %v", words, res, err, time.Since(begin))
		}
	}
	close(never)
}

func TestHostileStrangersAreAnsweredOrHungUpOn(t *testing.T) {
	h := open(t, quick)
	h.feed("ann", h264Track, aacTrack).send(1, 100)
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(rand.IntN(256))
	}
	const overTCP = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
	setup := request("SETUP", "/ann/trackID=0", overTCP)
	for name, c := range map[string]struct {
		says string
		want base.StatusCode // of the last answer
	}{
		"nothing":                       {"", 0},
		"noise":                         {string(noise), 0},
		"zeros":                         {strings.Repeat("\x00", 100_000), 0},
		"HTTP":                          {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0},
		"TLS":                           {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 0},
		"a method without end":          {strings.Repeat("OPTIONS", 10_000), 0},
		"an address without end":        {"OPTIONS rtsp://" + strings.Repeat("a", 10_000), 0},
		"a bad address":                 {"OPTIONS rtsp://a:b@[::1 RTSP/1.0\r\n\r\n", 0},
		"a header without end":          {"OPTIONS * RTSP/1.0\r\nX: " + strings.Repeat("a", 10_000), 0},
		"headers without end":           {"OPTIONS * RTSP/1.0\r\n" + strings.Repeat("X: a\r\n", 10_000), 0},
		"huge headers":                  {"OPTIONS * RTSP/1.0\r\n" + strings.Repeat("X: "+strings.Repeat("a", 2000)+"\r\n", 200), 0},
		"a negative length":             {request("DESCRIBE", "/ann", "Content-Length: -1"), 0},
		"a huge length":                 {request("DESCRIBE", "/ann", "Content-Length: 999999999999"), 0},
		"a body that never comes":       {request("DESCRIBE", "/ann", "Content-Length: 100000"), 0},
		"no CSeq":                       {"OPTIONS * RTSP/1.0\r\n\r\n", 400},
		"an answer":                     {"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n", 0},
		"an unknown method":             {request("REDIRECT", "/ann"), 501},
		"media at once":                 {"$\x00\x00\x04abcd", 0},
		"describe nothing":              {"DESCRIBE * RTSP/1.0\r\nCSeq: 1\r\n\r\n", 400},
		"up and away":                   {request("DESCRIBE", "/../../etc/passwd"), 404},
		"up and away, in code":          {request("DESCRIBE", "/%2e%2e%2fann"), 404},
		"a zero in the name":            {request("DESCRIBE", "/ann%00"), 404},
		"lines in the name":             {request("DESCRIBE", "/ann%0d%0aX:1"), 404},
		"setup without description":     {setup, 200},
		"setup of another track":        {request("SETUP", "/ann/trackID=99", overTCP), 400},
		"setup of a negative track":     {request("SETUP", "/ann/trackID=-1", overTCP), 400},
		"setup of no track":             {request("SETUP", "/ann", overTCP), 400},
		"setup without transport":       {request("SETUP", "/ann/trackID=0"), 400},
		"setup with no ports":           {request("SETUP", "/ann/trackID=0", "Transport: RTP/AVP/UDP;unicast"), 400},
		"setup by multicast":            {request("SETUP", "/ann/trackID=0", "Transport: RTP/AVP/UDP;multicast"), 461},
		"setup to record":               {request("SETUP", "/ann/trackID=0", overTCP+";mode=record"), 400},
		"setup encrypted":               {request("SETUP", "/ann/trackID=0", "Transport: RTP/SAVP/TCP;unicast;interleaved=0-1", "KeyMgmt: prot=mikey;uri=\"\";data=\"AAAA\""), 461},
		"setup twice":                   {setup + setup, 400},
		"setup on used channels":        {setup + request("SETUP", "/ann/trackID=1", "Transport: RTP/AVP/TCP;unicast;interleaved=1-2"), 400},
		"setup of two channels":         {setup + request("SETUP", "/bob/trackID=1", "Transport: RTP/AVP/TCP;unicast;interleaved=2-3"), 400},
		"play without setup":            {request("PLAY", "/ann", "Session: abc"), 454},
		"play without session":          {request("PLAY", "/ann"), 501},
		"record without announcement":   {request("RECORD", "/ann", "Session: abc"), 454},
		"record by setup":               {setup + request("RECORD", "/ann"), 501},
		"teardown of another":           {request("TEARDOWN", "/ann", "Session: abc"), 454},
		"announce without key":          {request("ANNOUNCE", "/ann", "Content-Type: application/sdp", fmt.Sprint("Content-Length: ", len(sdpH264))) + sdpH264, 401},
		"announce nothing":              {request("ANNOUNCE", "/ann"), 400},
		"announce what is no SDP":       {request("ANNOUNCE", "/ann", "Content-Type: application/sdp", "Content-Length: 4") + "v=1\n", 400},
		"announce with a wrong key":     {request("ANNOUNCE", "/ann", "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("ann:x")), "Content-Type: application/sdp", fmt.Sprint("Content-Length: ", len(sdpH264))) + sdpH264, 401},
		"as GStreamer, to make it wait": {strings.Replace(setup, "\r\n\r\n", "\r\nUser-Agent: GStreamer\r\n\r\n", 1), 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			status, closed := h.outcome(c.says)
			if status != c.want || !closed {
				t.Errorf("answered with %d, not %d; closed: %v", status, c.want, closed)
			}
			if took := time.Since(began); took > 900*time.Millisecond {
				t.Errorf("it could stay for %v", took)
			}
		})
	}
	t.Run("then", func(t *testing.T) { h.fine("ann") })
}

func TestHostilePlayersCostNobodyAnything(t *testing.T) {
	h := open(t)
	f := h.feed("ann", h264Track, aacTrack).send(1, 100)
	good := h.mustWatch("ann", gortsplib.TransportTCP)
	for _, says := range []string{
		"$\x00\x00\x00", "$\x01\x00\x00", "$\x01\x00\x04\x80\xc9\x00\x01", "$\x01\xff\xff" + strings.Repeat("\xff", 0xffff), "$\x09\x00\x01a",
		strings.Repeat("$\x01\x00\x08\x81\xca\x00\x01\x01\x02\x03\x04", 1000), "noise", "RTSP/1.0 200 OK\r\n\r\n",
		request("PLAY", "/ann") + request("PLAY", "/ann"), request("PAUSE", "/ann"), request("ANNOUNCE", "/ann"), request("SETUP", "/ann/trackID=1"), request("RECORD", "/ann"),
		request("GET_PARAMETER", "/ann"), request("TEARDOWN", "/ann") + request("PLAY", "/ann"),
	} {
		c := h.begin("ann")
		c.WriteString(strings.ReplaceAll(says, "CSeq: 1\r\n", "CSeq: 1\r\n"+c.session+"\r\n"))
		c.Flush()
		defer c.Close()
	}
	for range 20 {
		f.send(1, 1000)
		time.Sleep(5 * time.Millisecond)
	}
	got := good.pictures(h, 21)
	if got[len(got)-1] != 20 {
		t.Errorf("another player has %v", got)
	}
}

// The library iterates the tracks of a stream's other sessions when one is set
// up over UDP, without a lock. Whoever did that from two connections at once
// could end the process.
func TestSetupsAtOnceDoNotEndTheHost(t *testing.T) {
	h := open(t)
	h.feed("ann", h264Track, aacTrack).send(1, 100)
	var strangers sync.WaitGroup
	for n := range 8 {
		strangers.Go(func() {
			for i := range 30 {
				nc, err := net.Dial("tcp", h.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				c := talkOver(h, nc)
				port := 10000 + 4*(100*n+i)
				for track := range 2 {
					c.try("SETUP", fmt.Sprintf("/ann/trackID=%d", track), fmt.Sprintf("Transport: RTP/AVP;unicast;client_port=%d-%d", port+2*track, port+2*track+1))
				}
				c.Close()
			}
		})
	}
	strangers.Wait()
	h.fine("ann")
}

func TestADeadlineHoldsWhateverIsSaid(t *testing.T) {
	h := open(t, quick)
	h.feed("ann", h264Track).send(1, 100)
	c := h.talk()
	began := time.Now()
	for {
		if _, err := c.try("OPTIONS", "/ann"); err != nil {
			break
		}
		if time.Since(began) > 2*time.Second {
			t.Fatal("a stranger may ask for ever")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestWhoStopsPlayingIsAStrangerAgain(t *testing.T) {
	h := open(t, quick)
	h.feed("ann", h264Track, aacTrack).send(1, 100)
	c := h.begin("ann")
	time.Sleep(400 * time.Millisecond) // a player may stay
	c.WriteString(request("TEARDOWN", "/ann", c.session))
	c.Flush()
	began := time.Now()
	io.Copy(io.Discard, c.r)
	if took := time.Since(began); took < 200*time.Millisecond || took > 2*time.Second {
		t.Errorf("it could stay for %v", took)
	}
}

func TestAPanicCostsOneRequest(t *testing.T) {
	log := &book{}
	h := &house{t: t, log: log, keys: &keyring{grants: map[string]Grant{}, before: func(int) { panic("oops") }}}
	s, err := Listen(Config{Addr: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(log, nil)), Auth: h.keys})
	if err != nil {
		t.Fatal(err)
	}
	h.Server = s
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	auth := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("ann:"+h.keys.make("ann")))
	if res := h.talk().announce("/ann", auth, sdpH264); res.StatusCode != 500 || strings.Contains(fmt.Sprint(res), "oops") {
		t.Errorf("answered with %v", res)
	}
	if res := h.talk().ask("OPTIONS", "/ann"); res.StatusCode != 200 || s.Recovered() != 1 {
		t.Errorf("then %v, %d recovered", res, s.Recovered())
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	h.logs("request failed", "oops", "identify")
}

func TestThousandConnectsLeaveNothingBehind(t *testing.T) {
	h := open(t)
	h.feed("ann", h264Track, aacTrack).send(1, 100)
	h.mustWatch("ann", gortsplib.TransportTCP).pictures(h, 1)
	before := runtime.NumGoroutine()
	var clients sync.WaitGroup
	for worker := range 4 {
		clients.Go(func() {
			for i := range 250 {
				nc, err := net.Dial("tcp", h.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				c := talkOver(h, nc)
				switch (worker + i) % 5 {
				case 0:
				case 1:
					c.try("OPTIONS", "/ann")
				case 2:
					c.try("DESCRIBE", "/ann")
				case 3:
					c.try("SETUP", "/ann/trackID=0", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
				case 4:
					h.play(c, "ann")
				}
				c.Close()
			}
		})
	}
	clients.Wait()
	h.eventually(func() string {
		if n := runtime.NumGoroutine(); n > before {
			stacks := make([]byte, 1<<20)
			return fmt.Sprintf("%d goroutines, not %d:\n%s", n, before, stacks[:runtime.Stack(stacks, true)])
		}
		h.Server.mu.Lock()
		defer h.Server.mu.Unlock()
		if n := len(h.players); n != 1 {
			return fmt.Sprintf("%d players are left", n)
		}
		return ""
	})
	h.fine("ann")
}

func TestTheDoorCountsWhoComesIn(t *testing.T) {
	life, end := context.WithCancel(t.Context())
	defer end()
	log := &book{}
	wait := patience()
	d := newDoor(nil, slog.New(slog.NewTextHandler(log, nil)), life, crowd{all: 4, perAddr: 2, fresh: 3}, &wait)
	at := time.Now()
	come := func(from string) *guest {
		return d.enter(&wire{from: netip.MustParseAddrPort(from)}, at)
	}
	a1, a2 := come("192.0.2.1:1"), come("192.0.2.1:2")
	if a1 == nil || a2 == nil || come("192.0.2.1:3") != nil || come("192.0.2.1:4") != nil {
		t.Fatal("an address has not two places")
	}
	if n := strings.Count(log.String(), "refused"); n != 1 {
		t.Errorf("%d refusals of one second are logged", n)
	}
	a1.Close()
	a1.Close() // the library may
	if come("192.0.2.1:5") != nil {
		t.Error("more than three new ones in a second")
	}
	at = at.Add(time.Second)
	b := come("[::ffff:192.0.2.1]:6")
	if b == nil || come("192.0.2.1:7") != nil {
		t.Error("a place that was left is not free, or IPv4 in IPv6 is another address")
	}
	b.welcome()
	c, e := come("192.0.2.2:1"), come("192.0.2.2:2")
	if c == nil || e == nil {
		t.Fatal("another address finds no place")
	}
	e.welcome()
	if f := come("192.0.2.3:1"); f == nil || !a2.Conn.(*wire).closed || c.Conn.(*wire).closed {
		t.Error("in a full house not the longest stranger makes room")
	}
	c.welcome()
	if len(d.callers) != 3 {
		t.Errorf("%d callers are remembered", len(d.callers))
	}
}

// wire is a connection that knows only where it comes from.
type wire struct {
	net.Conn
	from   netip.AddrPort
	closed bool
}

func (w *wire) RemoteAddr() net.Addr              { return net.TCPAddrFromAddrPort(w.from) }
func (w *wire) SetReadDeadline(t time.Time) error { return nil }
func (w *wire) Close() error                      { w.closed = true; return nil }

func TestABusyPortIsAConflict(t *testing.T) {
	h := open(t)
	_, err := Listen(Config{Addr: h.Addr().String(), Log: slog.New(slog.DiscardHandler)})
	if tv.CodeOf(err) != tv.Conflict {
		t.Errorf("the error is %v", err)
	}
}

func TestUDPPortsAreAPair(t *testing.T) {
	for range 20 {
		p, err := listenUDP("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer p.close()
		rtp, rtcp := p.rtp.LocalAddr().(*net.UDPAddr).Port, p.rtcp.LocalAddr().(*net.UDPAddr).Port
		if rtp%2 != 0 || rtcp != rtp+1 {
			t.Errorf("RTP on %d, RTCP on %d", rtp, rtcp)
		}
	}
}

func TestASecondHostHasOtherUDPPorts(t *testing.T) {
	first, err := listenUDP("127.0.0.1:8554")
	if err != nil {
		t.Fatal(err)
	}
	defer first.close()
	second, err := listenUDP("127.0.0.1:8555")
	if err != nil {
		t.Fatal(err)
	}
	second.close()
}

func TestWithoutUDPThereIsTCP(t *testing.T) {
	h := open(t, func(s *Server) {
		s.udp.close()
		s.udp, s.lib.UDPRTPAddress, s.lib.UDPRTCPAddress = nil, "", ""
	})
	h.feed("ann", h264Track, aacTrack).send(1, 100)
	if _, err := h.watch("ann", gortsplib.TransportUDP); err == nil {
		t.Error("it plays over UDP")
	}
	h.mustWatch("ann", gortsplib.TransportTCP).pictures(h, 1)
}

func TestAServerThatNeverRanLeavesNothing(t *testing.T) {
	s, err := Listen(Config{Addr: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if nc, err := net.Dial("tcp", s.Addr().String()); err == nil {
		nc.Close()
		t.Error("it still listens")
	}
}

func FuzzIntake(f *testing.F) {
	f.Add([]byte{0x65, 1, 2}, []byte{0x1c, 0x85, 1}, true)
	f.Add(h264SPS, h264PPS, true)
	f.Add(h265SPS, []byte{0x62, 1, 0x93, 1}, false)
	f.Fuzz(func(t *testing.T, one, two []byte, h264 bool) {
		track := h265Track
		if h264 {
			track = h264Track
		}
		s := newSource(must(formatOf(track)))
		sound := newSource(must(formatOf(aacTrack)))
		for i, payload := range [][]byte{one, two, one} {
			pkt := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(i), Marker: i > 0}, Payload: bytes.Clone(payload)}
			for _, s := range []source{s, sound} {
				frames, _ := s.read(pkt, int64(i)*3000)
				for _, fr := range frames {
					encode(s.track().Codec, fr.Payload, fr.Key)
				}
			}
		}
	})
}
