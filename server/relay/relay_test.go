package relay

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"echo.tv/server/live"
	"echo.tv/server/peer"
	"echo.tv/server/tv"
)

// town is ann's host with a picture on air, and bob's, which knows of it.
func town(t *testing.T) (ann, bob *host, cam *camera) {
	n := newNetwork()
	ann = newHost(t, n, annsHost, "10.0.0.1:5175")
	bob = newHost(t, n, bobsHost, "10.0.0.2:5175")
	bob.knows(ann, peer.Channel{Name: "ann", State: "live"})
	return ann, bob, ann.publish("ann")
}

func TestTwentyViewersCostTheOriginOneConnectionAndAreAllCountedThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann, bob, cam := town(t)
		cam.shoot(time.Second)
		var all []*viewer
		for i := range 20 {
			v := bob.join(i)
			v.watch(annThere, fmt.Sprint(i))
			all = append(all, v)
		}
		cam.shoot(6 * time.Second)
		if n := ann.net.dials(ann.addr); n != 1 {
			t.Errorf("%d connections to ann's host", n)
		}
		s := ann.hub.Status("ann")
		if s.Viewers != 20 || s.ViewersBy[live.ByPeer] != 20 {
			t.Errorf("ann sees %d viewers, %v", s.Viewers, s.ViewersBy)
		}
		for i, v := range all {
			numbers := v.pictures()
			if len(numbers) < 180 || !slices.IsSorted(numbers) || numbers[len(numbers)-1]-numbers[0] != len(numbers)-1 {
				t.Errorf("viewer %d got %d pictures, not in order", i, len(numbers))
			}
			v.say(`{"ack":"` + string(annThere) + `"}`)
			v.leave()
		}
		cam.shoot(12 * time.Second)
		if s := ann.hub.Status("ann"); s.ViewersBy[live.ByPeer] == 0 {
			t.Error("the relay ended before the last viewer was counted out")
		}
		cam.shoot(20 * time.Second) // they count for 15 s, and then it lingers for 10 s
		if open := bob.relaying(); open > 0 {
			t.Errorf("%d relays are left", open)
		}
		if s := bob.hub.Status(annThere); s.State != live.Offline {
			t.Errorf("it is still %s here", s.State)
		}
		cam.shoot(16 * time.Second)
		if n := ann.hub.Status("ann").Viewers; n != 0 {
			t.Errorf("ann still sees %d viewers", n)
		}
		if bob.relays.Recovered() > 0 {
			t.Error("panics")
		}
		ann.stop()
		bob.stop()
	})
}

func TestTheStreamArrivesAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann, bob, cam := town(t)
		cam.shoot(1500 * time.Millisecond)
		v := bob.join(1)
		v.watch(annThere, "v")
		cam.shoot(3 * time.Second)
		here, there := bob.hub.Status(annThere), ann.hub.Status("ann")
		if here.State != live.Live || here.Video.Width != there.Video.Width || here.Audio != there.Audio || here.Remote != ann.addr.String() {
			t.Errorf("here %+v, there %+v", here, there)
		}
		if on := v.said("on"); on["keyInterval"] != 1. {
			t.Errorf("the key interval got lost: %v", on)
		}
		v.mu.Lock()
		first, last := v.media[0], v.media[len(v.media)-1]
		v.mu.Unlock()
		if first.age < 500*time.Millisecond || last.age > 20*time.Millisecond {
			t.Errorf("the first picture is %v old, the last one %v: stamps do not tell when ann's host had it", first.age, last.age)
		}
		v.leave()
		ann.stop()
		bob.stop()
	})
}

func TestWhenTheOriginDiesViewersKeepTheirPlaceAndGoOnWhenItReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann, bob, cam := town(t)
		v := bob.join(1)
		cam.shoot(time.Second)
		v.watch(annThere, "v")
		cam.shoot(2 * time.Second)
		before, _ := v.seen()
		ann.crash()
		stay := func(d time.Duration) { // the page acks
			for range d / time.Second {
				time.Sleep(time.Second)
				v.say(`{"ack":"` + string(annThere) + `"}`)
			}
		}
		stay(time.Second)
		if s := bob.hub.Status(annThere); s.State != live.Lost {
			t.Errorf("a second after the crash it is %s", s.State)
		}
		stay(30 * time.Second)
		if n, _ := v.seen(); before == 0 || n != before || v.said("off") != nil {
			t.Errorf("%d messages, then %d; said %v", before, n, v.said("off"))
		}
		again := newHost(t, ann.net, annsHost, "10.0.0.1:5175")
		stay(3 * time.Second) // it runs, but OBS is not back yet
		if s := bob.hub.Status(annThere); s.State != live.Offline {
			t.Errorf("a host without the channel: %s", s.State)
		}
		cam = again.publish("ann")
		cam.shoot(6 * time.Second)
		if s := bob.hub.Status(annThere); s.State != live.Live {
			t.Errorf("after the return it is %s", s.State)
		}
		n, last := v.seen()
		if n < before+30 || v.said("off") != nil {
			t.Errorf("%d messages before, %d after; said %v", before, n, v.said("off"))
		}
		if last.number != uint32(n-1) {
			t.Errorf("message %d is the %dth on this socket", last.number, n)
		}
		v.leave()
		again.stop()
		bob.stop()
	})
}

func TestAChannelWhoseOriginStaysAwayEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann, bob, cam := town(t)
		v := bob.join(1)
		cam.shoot(time.Second)
		v.watch(annThere, "v")
		cam.shoot(time.Second)
		ann.crash()
		for range 70 {
			time.Sleep(time.Second)
			v.say(`{"ack":"` + string(annThere) + `"}`)
		}
		if off := v.said("off"); off["off"] != string(annThere) {
			t.Errorf("the viewer was told %v", off)
		}
		if bob.relaying() > 0 || bob.hub.Status(annThere).State != live.Offline {
			t.Errorf("%d relays, %s", bob.relaying(), bob.hub.Status(annThere).State)
		}
		v.leave()
		bob.stop()
	})
}

func TestAGoodbyeAtTheOriginIsOneHereAndSoIsItsReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann, bob, cam := town(t)
		v := bob.join(1)
		cam.shoot(time.Second)
		v.watch(annThere, "v")
		cam.shoot(time.Second)
		cam.session.Close(nil)
		time.Sleep(2 * time.Second)
		bob.knows(ann) // its directory says so
		time.Sleep(3 * time.Second)
		if s := bob.hub.Status(annThere); s.State != live.Offline {
			t.Errorf("after the goodbye it is %s", s.State)
		}
		before, _ := v.seen()
		bob.knows(ann, peer.Channel{Name: "ann", State: "live"})
		ann.publish("ann").shoot(2 * time.Second)
		if n, _ := v.seen(); n < before+50 || bob.hub.Status(annThere).State != live.Live {
			t.Errorf("after the return %d messages more, %s", n-before, bob.hub.Status(annThere).State)
		}
		if n := ann.net.dials(ann.addr); n != 1 {
			t.Errorf("that took %d connections", n)
		}
		v.leave()
		ann.stop()
		bob.stop()
	})
}

func TestASilentOriginIsLostHereAsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann, bob, cam := town(t)
		v := bob.join(1)
		cam.shoot(time.Second)
		v.watch(annThere, "v")
		cam.shoot(time.Second)
		time.Sleep(5 * time.Second) // the cable is out, nobody says anything
		if s := bob.hub.Status(annThere); s.State != live.Lost {
			t.Errorf("it is %s", s.State)
		}
		cam.frame = 0
		cam.shoot(time.Second)
		if s := bob.hub.Status(annThere); s.State != live.Live {
			t.Errorf("then it is %s", s.State)
		}
		v.leave()
		ann.stop()
		bob.stop()
	})
}

func TestNewCodecSettingsReachTheViewersBehindARelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann, bob, cam := town(t)
		v := bob.join(1)
		cam.shoot(time.Second)
		v.watch(annThere, "v")
		cam.shoot(time.Second)
		cam.settings(0xb3)
		cam.shoot(2 * time.Second)
		v.mu.Lock()
		ons, cuts := 0, 0
		for _, text := range v.texts {
			if text["on"] != nil {
				ons++
			}
		}
		for _, m := range v.media {
			if m.flags&flagDiscontinuity != 0 {
				cuts++
			}
		}
		v.mu.Unlock()
		if ons != 2 || cuts != 1 {
			t.Errorf("%d announcements, %d discontinuities", ons, cuts)
		}
		if last := bob.hub.Status(annThere); last.State != live.Live {
			t.Errorf("it is %s", last.State)
		}
		v.leave()
		ann.stop()
		bob.stop()
	})
}

func TestAHostThatMovedIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann, bob, cam := town(t)
		v := bob.join(1)
		cam.shoot(time.Second)
		v.watch(annThere, "v")
		cam.shoot(time.Second)
		moved := ann.net.listen(ann.addr) // what still answers at the old address
		moved.Close()
		ann.addr = moved.addr
		there := newHost(t, ann.net, annsHost, "10.0.0.9:5175")
		cam2 := there.publish("ann")
		bob.knows(there, peer.Channel{Name: "ann", State: "live"})
		before, _ := v.seen()
		cam2.shoot(3 * time.Second)
		if n, _ := v.seen(); n < before+30 {
			t.Errorf("%d messages in three seconds after the move", n-before)
		}
		v.leave()
		there.stop()
		ann.stop()
		bob.stop()
	})
}

func TestLoopsAndLongWaysAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann, bob, cam := town(t)
		cam.shoot(time.Second)
		for name, tc := range map[string]struct {
			channel tv.ChannelName
			via     []tv.HostID
			code    tv.Code
		}{
			"one's own channel":           {"bob", nil, tv.Invalid},
			"one's own, named as far":     {"bob@" + tv.ChannelName(bobsHost), nil, tv.Invalid},
			"a name that is none":         {"../ann@" + tv.ChannelName(annsHost), nil, tv.Invalid},
			"a name in capitals":          {"ANN@" + tv.ChannelName(annsHost), nil, tv.Invalid},
			"a host that is none":         {"ann@127.0.0.1:22", nil, tv.Invalid},
			"through this host before":    {annThere, []tv.HostID{bobsHost}, tv.Conflict},
			"through its own host":        {annThere, []tv.HostID{annsHost}, tv.Conflict},
			"through two hosts":           {annThere, []tv.HostID{"cccccccccccccccc", "dddddddddddddddd"}, tv.Conflict},
			"a host nobody knows":         {"ann@eeeeeeeeeeeeeeee", nil, tv.NotFound},
			"a channel that is not on":    {"zoe@" + tv.ChannelName(annsHost), nil, tv.NotFound},
			"through one host, that's it": {annThere, []tv.HostID{"cccccccccccccccc"}, ""},
		} {
			if err := bob.relays.Fetch(t.Context(), tc.channel, tc.via); tv.CodeOf(err) != tc.code {
				t.Errorf("%s: %v, want %s", name, err, tc.code)
			}
		}
		v := bob.join(1)
		v.say(`{"watch":"` + string(annThere) + `","relay":"` + string(annsHost) + `","via":["` + string(bobsHost) + `"]}`)
		time.Sleep(time.Second)
		if off := v.said("off"); off["off"] != string(annThere) || off["reason"] != errLoop.Error() {
			t.Errorf("over the socket: %v", off)
		}
		v.leave()
		ann.stop()
		bob.stop()
	})
}

func TestAFailedFetchIsNotRepeatedForEveryViewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann, bob, _ := town(t)
		for range 50 {
			if err := bob.relays.Fetch(t.Context(), "zoe@"+tv.ChannelName(annsHost), nil); tv.CodeOf(err) != tv.NotFound {
				t.Fatal(err)
			}
		}
		if n := ann.net.dials(ann.addr); n != 1 {
			t.Errorf("50 requests made %d connections", n)
		}
		time.Sleep(failedFor + time.Second)
		if bob.relaying() > 0 {
			t.Error("the failure is remembered for ever")
		}
		ann.stop()
		bob.stop()
	})
}

func TestThereIsAnEndToHowManyAreRelayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann, bob, _ := town(t)
		for i := range maxRelays {
			name := tv.ChannelName(fmt.Sprintf("ann%d", i))
			ann.publish(name).send(100)
			if err := bob.relays.Fetch(t.Context(), name.At(annsHost), nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := bob.relays.Fetch(t.Context(), annThere, nil); tv.CodeOf(err) != tv.TooMany {
			t.Errorf("one more: %v", err)
		}
		bob.stop() // and all go home, or the bubble never ends
		ann.stop()
	})
}
