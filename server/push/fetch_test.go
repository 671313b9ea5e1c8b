package push

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"echo.tv/server/live"
	"echo.tv/server/tv"
)

const (
	far   = tv.ChannelName("bob@aaaaaaaaaaaaaaaa")
	other = tv.HostID("bbbbbbbbbbbbbbbb")
)

// eventually waits for what a goroutine of the server does next.
func eventually(t testing.TB, what func() string) {
	t.Helper()
	why := "?"
	for end := time.Now().Add(5 * time.Second); why != "" && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		why = what()
	}
	if why != "" {
		t.Fatal(why)
	}
}

func TestAnotherHostsChannelIsFetchedBesideTheOthers(t *testing.T) {
	s := newStage(t)
	arrived := make(chan struct{})
	s.srv.cfg.Fetch = func(_ context.Context, name tv.ChannelName, via []tv.HostID) error {
		<-arrived
		if name != far || len(via) != 1 || via[0] != other {
			t.Errorf("asked for %s via %v", name, via)
		}
		return nil
	}
	v := s.join()
	v.say(`{"watch":"` + string(far) + `","via":["` + string(other) + `"]}`)
	s.send(1, 10)
	v.say(`{"watch":"ann"}`)
	v.media() // ann's comes while bob's is being fetched
	s.publish(far)
	s.send(1, 10)
	close(arrived)
	on, _ := v.hear()
	for on == nil {
		on, _ = v.hear()
	}
	if on["on"] != string(far) {
		t.Errorf("the host said %v", on)
	}
}

func TestWhyAnotherHostsChannelCannotBeFetchedIsSaid(t *testing.T) {
	s := newStage(t)
	asked := 0
	s.srv.cfg.Fetch = func(context.Context, tv.ChannelName, []tv.HostID) error {
		if asked++; asked == 1 {
			return tv.Errorf(tv.NotFound, "that host has left")
		}
		return fmt.Errorf("dial tcp 10.0.0.1: secret detail")
	}
	v := s.join()
	for _, tc := range []struct{ watch, via, reason string }{
		{string(far), "", "that host has left"},
		{string(far), "", "not on air"},
		{"bob@x", "", "not the name of a channel"},
		{"BOB@aaaaaaaaaaaaaaaa", "", "not the name of a channel"},
		{"../x@aaaaaaaaaaaaaaaa", "", "not the name of a channel"},
		{string(far), `"x"`, "not the name of a channel"},
	} {
		v.say(`{"watch":"` + tc.watch + `","via":[` + tc.via + `]}`)
		off, _ := v.hear()
		if off["off"] != tc.watch || !strings.Contains(fmt.Sprint(off["reason"]), tc.reason) || strings.Contains(fmt.Sprint(off), "secret") {
			t.Errorf("%s: %v, want %q", tc.watch, off, tc.reason)
		}
	}
	if asked != 2 {
		t.Errorf("asked %d times: a name that is none must not get that far", asked)
	}
	s.srv.cfg.Fetch = nil
	v.say(`{"watch":"` + string(far) + `"}`)
	if off, _ := v.hear(); off["off"] != string(far) {
		t.Errorf("without other hosts: %v", off)
	}
}

func TestFetchesEndWithTheWishAndAreFewPerSocket(t *testing.T) {
	s := newStage(t)
	began, ended := make(chan struct{}, 10), make(chan struct{}, 10)
	s.srv.cfg.Fetch = func(ctx context.Context, _ tv.ChannelName, _ []tv.HostID) error {
		began <- struct{}{}
		<-ctx.Done()
		ended <- struct{}{}
		return ctx.Err()
	}
	v := s.join()
	for i := range maxFetchesPerSocket {
		v.say(fmt.Sprintf(`{"watch":"bob%d@aaaaaaaaaaaaaaaa"}`, i))
		<-began
	}
	v.say(`{"watch":"more@aaaaaaaaaaaaaaaa"}`)
	if off, _ := v.hear(); off["off"] != "more@aaaaaaaaaaaaaaaa" || !strings.Contains(fmt.Sprint(off["reason"]), "too many") {
		t.Errorf("one more: %v", off)
	}
	v.say(`{"stop":"bob0@aaaaaaaaaaaaaaaa"}`)
	<-ended
	v.ws.CloseNow()
	for range maxFetchesPerSocket - 1 {
		<-ended
	}
	eventually(t, func() string {
		if n := len(s.srv.fetching); n > 0 {
			return fmt.Sprintf("%d places are still taken", n)
		}
		return ""
	})
}

func TestARelayIsCountedForItsViewersWhenAPeerSaysSo(t *testing.T) {
	for name, tc := range map[string]struct {
		isPeer          func(netip.Addr) bool
		push, peer, all int
	}{
		"a known peer": {netip.Addr.IsLoopback, 0, 21, 21},
		"a stranger":   {func(netip.Addr) bool { return false }, 1, 0, 1},
		"no peers":     {nil, 1, 0, 1},
	} {
		s := newStage(t)
		s.srv.cfg.IsPeer = tc.isPeer
		s.send(1, 10)
		v := s.join()
		v.say(`{"watch":"ann","viewer":"0123456789abcdef","relay":"bbbbbbbbbbbbbbbb","via":["bbbbbbbbbbbbbbbb"],"viewers":20}`)
		v.media()
		v.say(`{"ack":"ann","viewers":21}`)
		eventually(t, func() string {
			got := s.hub.Status("ann")
			if got.Viewers != tc.all || got.ViewersBy[live.ByPush] != tc.push || got.ViewersBy[live.ByPeer] != tc.peer {
				return fmt.Sprintf("%s: %d viewers, %v", name, got.Viewers, got.ViewersBy)
			}
			if (got.SentBy[live.ByPeer] > 0) != (tc.peer > 0) || (got.SentBy[live.ByPush] > 0) != (tc.push > 0) {
				return fmt.Sprintf("%s: sent %v", name, got.SentBy)
			}
			return ""
		})
		for _, lie := range []string{"1000000000", "-5"} {
			v.say(`{"ack":"ann","viewers":` + lie + `}`)
			v.say(`{"ping":1}`)
			v.hear()
			if n := s.hub.Status("ann").Viewers; n < 0 || n > maxPeople {
				t.Errorf("%s: %s viewers were believed as %d", name, lie, n)
			}
		}
	}
}

func TestAnEndedChannelLeavesItsPlaceOnTheSocket(t *testing.T) {
	s := newStage(t)
	s.srv.cfg.Fetch = func(context.Context, tv.ChannelName, []tv.HostID) error { return errBusy }
	v := s.join()
	for i := range 2 * maxPerSocket {
		v.say(fmt.Sprintf(`{"watch":"bob%d@aaaaaaaaaaaaaaaa"}`, i))
		if off, _ := v.hear(); off["off"] == nil {
			t.Fatalf("the host said %v", off)
		}
	}
}
