package peer

import (
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var chess = Channel{Name: "ann", Title: "Chess", State: "live", Viewers: 3, Since: time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC)}

func TestAHostIsFoundFollowedAndMissed(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ann, bob := h.host(1, "Attic"), h.host(2, "Kim's laptop")
		bob.shows(Channel{Name: "bob", State: "starting"})
		ann.meets(2)
		after(time.Second / 2)
		got, ok := ann.Host(bob.cfg.Identity.id)
		if !ok || got.Presence != Here || got.Name != "Kim's laptop" || got.Version != "1.2.3" || got.Addr != bob.at ||
			got.Words != bob.cfg.Identity.words || len(got.Channels) != 1 || got.Warning != "" {
			t.Fatalf("found %+v", got)
		}
		if !ann.IsPeer(bob.at.Addr()) || ann.IsPeer(at(3).Addr()) {
			t.Error("IsPeer does not know who is here")
		}
		changed := ann.Changed()
		bob.shows(chess)
		after(time.Second / 2)
		select {
		case <-changed:
		default:
			t.Error("the change of a channel was not told")
		}
		if got, _ := ann.Host(bob.cfg.Identity.id); len(got.Channels) != 1 || got.Channels[0].Title != "Chess" || got.Channels[0].Viewers != 3 {
			t.Errorf("follows %+v", got.Channels)
		}
		after(10 * time.Minute) // of heartbeats alone
		if presenceOf(ann, bob) != Here {
			t.Error("a host was lost that never left")
		}

		bob.stop()
		after(0)
		if got, _ := ann.Host(bob.cfg.Identity.id); got.Presence != Gone || len(got.Channels) != 1 {
			t.Errorf("after the goodbye: %+v", got)
		}
		after(forgetIn + time.Second)
		if _, ok := ann.Host(bob.cfg.Identity.id); ok || len(ann.Hosts()) != 0 {
			t.Error("a host that left was not forgotten")
		}
	})
}

// Five seconds of silence and one dial that fails, as with a pulled cable.
func TestASilentHostIsGoneBeforeEightSeconds(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ann := h.host(1, "Attic")
		h.host(2, "Kim")
		ann.meets(2)
		after(time.Second)
		if all := ann.Hosts(); len(all) != 1 || all[0].Presence != Here {
			t.Fatalf("ann sees %+v", all)
		}
		h.unplug(2)
		after(3 * time.Second)
		if ann.Hosts()[0].Presence != Here {
			t.Error("gone after four seconds of silence already")
		}
		after(4 * time.Second)
		if ann.Hosts()[0].Presence != Gone {
			t.Error("not gone after eight seconds")
		}
	})
}

// Whoever sleeps for a second too long, or whose connection a router cuts, is
// not seen to have been away.
func TestOneMoreDialDecides(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ann := h.host(1, "Attic")
		kim := newLiar()
		h.serve(at(2), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Write(kim.pen(r).write(time.Now(), []byte(`{"name":"Kim"}`), false))
			w.(http.Flusher).Flush()
			sleep(r.Context(), 4*time.Second)
			panic(http.ErrAbortHandler)
		}))
		ann.meets(2)
		after(time.Second)
		since := ann.Hosts()[0].Since
		after(time.Minute)
		if got := ann.Hosts()[0]; got.Presence != Here || got.Since != since {
			t.Errorf("it was taken for gone: %+v", got)
		}
	})
}

// Anybody can send an mDNS goodbye for anybody.
func TestAForgedGoodbyeHidesNobody(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ann, bob := h.host(1, "Attic"), h.host(2, "Kim's laptop")
		ann.meets(2)
		after(10 * time.Second)
		changed, dials := ann.Changed(), h.dialed()
		for range 1000 {
			ann.hint(hint{at: bob.at, id: bob.cfg.Identity.id, bye: true})
			after(time.Millisecond)
		}
		after(time.Second)
		select {
		case <-changed:
			t.Error("the goodbye was believed")
		default:
		}
		if n := h.dialed() - dials; n != 1 {
			t.Errorf("a thousand goodbyes caused %d dials", n)
		}
	})
}

// A host that got another address is followed there as soon as its old one
// misses a beat, and nobody can move it who does not have its key.
func TestAnAddressChangesAndTheHostStays(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ann, bob := h.host(1, "Attic"), h.host(2, "Kim's laptop")
		ann.meets(2)
		h.serve(at(9), newLiar().says(`{"name":"Kim's laptop"}`))
		after(time.Second)
		id := bob.cfg.Identity.id
		ann.hint(hint{at: at(9), id: id})
		after(time.Second)
		if got, _ := ann.Host(id); got.Addr != at(2) || len(ann.Hosts()) != 1 {
			t.Errorf("a claim moved the host: %+v", ann.Hosts())
		}
		mux := http.NewServeMux()
		mux.Handle("GET "+directoryPath, bob.Directory())
		h.serve(at(3), mux)
		h.unplug(2) // the old address leads nowhere, and nobody says so
		before := ann.Hosts()[0].Since
		after(missedBeat + beat)
		ann.hint(hint{at: at(3), id: id})
		after(time.Second / 10)
		if got, _ := ann.Host(id); got.Addr != at(3) || got.Presence != Here || got.Since != before {
			t.Errorf("after the change: %+v", got)
		}
		after(time.Minute)
		if got, _ := ann.Host(id); got.Addr != at(3) || got.Presence != Here || len(ann.Hosts()) != 1 {
			t.Errorf("a minute later: %+v", ann.Hosts())
		}
	})
}

// Whoever moves a host copies its data folder, and may leave the old one running.
func TestTwoMachinesWithOneIdentityAreSaidAndNoHost(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ann, copied := h.host(1, "Attic"), t.TempDir()
		key := hex.EncodeToString(ann.cfg.Identity.key.Seed())
		if err := os.WriteFile(filepath.Join(copied, identityName), []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
		h.hostIn(2, "Attic", copied)
		for range 20 {
			ann.meets(2)
			after(time.Second)
		}
		if n := strings.Count(ann.log.String(), "another machine has the identity of this host"); n != 1 || len(ann.Hosts()) != 0 {
			t.Errorf("said %d times, hosts %+v", n, ann.Hosts())
		}
		if strings.Contains(ann.log.String(), key[:16]) {
			t.Error("the key is in the log")
		}
	})
}

func TestFiftyHostsAreFollowedAtOnce(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ann := h.host(1, "Attic")
		for n := range 50 {
			h.host(n+2, "Kim")
			ann.meets(n + 2)
		}
		after(5 * time.Second)
		here := 0
		for _, x := range ann.Hosts() {
			if x.Presence == Here && len(ann.Hosts()) == 50 {
				here++
			}
		}
		if here != 50 {
			t.Errorf("%d of 50 are here", here)
		}
	})
}
