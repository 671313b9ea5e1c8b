package relay

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"echo.tv/server/cmaf"
	"echo.tv/server/live"
	"echo.tv/server/peer"
)

// get asks h for a file of ann's channel.
func (h *host) get(file string) (int, string) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, "/hls/"+string(annThere)+"/"+file, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	w := newRecorder()
	h.hls.ServeHTTP(w, r)
	return w.code, w.body.String()
}

func TestAnHLSPlayerStartsARelayAndKeepsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann, bob, cam := town(t)
		cam.shoot(1500 * time.Millisecond)
		if code, _ := bob.get("thumb.mp4"); code != 404 || bob.relaying() != 0 {
			t.Errorf("a picture that is not there: %d, and %d relays", code, bob.relaying())
		}
		if code, _ := bob.get("i1-x.mp4"); code != 404 || bob.relaying() != 0 {
			t.Errorf("a part of nothing: %d, and %d relays", code, bob.relaying())
		}
		if code, body := bob.get("index.m3u8"); code != 200 || !strings.Contains(body, "avc1") {
			t.Errorf("%d %s", code, body)
		}
		for range 40 { // the player asks for the playlist, and for nothing else
			cam.shoot(time.Second)
			if code, body := bob.get("live.m3u8"); code != 200 || !strings.Contains(body, "#EXT-X-PART:") || !strings.Contains(body, "TARGETDURATION:2\n") {
				t.Fatalf("%d %s", code, body)
			}
		}
		if n := ann.net.dials(ann.addr); n != 1 || bob.relaying() != 1 {
			t.Errorf("%d connections, %d relays", n, bob.relaying())
		}
		cam.shoot(30 * time.Second)
		if bob.relaying() != 0 {
			t.Error("the relay outlives its player")
		}
		// Within the minute in which the playlist stays, the player comes back.
		if code, _ := bob.get("live.m3u8"); code != 200 || bob.relaying() != 1 {
			t.Errorf("back again: %d, and %d relays", code, bob.relaying())
		}
		cam.shoot(3 * time.Second)
		if code, body := bob.get("live.m3u8"); code != 200 || !strings.Contains(body, "#EXT-X-DISCONTINUITY\n") || bob.hub.Status(annThere).State != live.Live {
			t.Errorf("it does not go on: %d %s", code, body)
		}
		ann.stop()
		bob.stop()
	})
}

func TestStampsAreReadByTheClockOfTheHostThatMadeThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		h := mallory(t, n, speaking(func(s *speaker) {
			s.ahead = time.Hour
			s.text(fmt.Sprintf(`{"pong":%d,"now":%d}`, s.asked.Ping, time.Now().Add(s.ahead).UnixMilli()))
			s.ahead -= 300 * time.Millisecond // all it sends has been lying about for so long
			s.begin(t)
			s.binary(kindMedia, 1, 7, 0, picture(t, true, 900000, 100))
			s.ahead = 1000 * time.Hour // and this cannot be
			s.binary(kindMedia, 0, 7, 1, picture(t, false, 903000, 100))
		}))
		bob := newHost(t, n, bobsHost, "10.0.0.2:5175")
		bob.knows(h, peer.Channel{Name: "ann"})
		v := bob.join(1)
		v.watch(annThere, "v")
		time.Sleep(time.Second)
		v.mu.Lock()
		defer v.mu.Unlock()
		if len(v.media) != 2 || v.media[0].age.Round(10*time.Millisecond) != 300*time.Millisecond || v.media[1].age > 10*time.Millisecond {
			t.Errorf("the pictures are that old: %+v", v.media)
		}
		go v.leave()
		bob.stop()
		h.stop()
	})
}

func TestAJumpOnTheWayIsOneForTheViewers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		h := mallory(t, n, speaking(func(s *speaker) {
			s.begin(t)
			for i := range uint32(30) {
				number := i
				if i >= 20 {
					number += 5 // that fell behind on the wire
				}
				s.binary(kindMedia, 1, 7, number, picture(t, i%10 == 0, 900000+int64(i)*3000, 100))
			}
		}))
		bob := newHost(t, n, bobsHost, "10.0.0.2:5175")
		bob.knows(h, peer.Channel{Name: "ann"})
		v := bob.join(1)
		v.watch(annThere, "v")
		time.Sleep(time.Second)
		v.mu.Lock()
		cuts := 0
		for _, m := range v.media {
			if m.flags&flagDiscontinuity != 0 {
				cuts++
			}
		}
		seen := len(v.media)
		v.mu.Unlock()
		if cuts != 1 || seen < 10 {
			t.Errorf("%d discontinuities in %d messages", cuts, seen)
		}
		v.leave()
		bob.stop()
		h.stop()
	})
}

func FuzzFeed(f *testing.F) {
	set := tracks(f, 1)
	init, err := cmaf.Packager{}.Init(set)
	if err != nil {
		f.Fatal(err)
	}
	head := func(kind byte) []byte { return append([]byte{kind, 1, 0, 7}, make([]byte, headerSize-4)...) }
	chunk := cmaf.Packager{}.Chunk(1, set, live.Frame{DTS: 900000, PTS: 900000, Key: true, Payload: nalu(true, 1, 20)}, 3000)
	f.Add(append(head(kindInit), init...), append(head(kindMedia), chunk...), append(head(kindMedia), append(chunk, chunk...)...))
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		in := feed{budget: &budget{}}
		in.announce(7, 2)
		for _, message := range [][]byte{a, b, c} {
			frames, _, err := in.read(message)
			if err != nil {
				return
			}
			size := 0
			for _, x := range frames {
				size += len(x.Payload)
				if x.Track >= len(in.tracks) || x.DTS < 0 {
					t.Errorf("frame %+v", x)
				}
			}
			if len(frames) > maxFrames || size > len(message) {
				t.Errorf("%d frames of %d bytes in a message of %d", len(frames), size, len(message))
			}
			if len(frames) > 0 && binary.BigEndian.Uint16(message[2:]) != 7 {
				t.Error("another tag was read")
			}
		}
	})
}
