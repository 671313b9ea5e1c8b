package server_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"echo.tv/server/servertest"
)

// The stage of the tests below: what they show of hosts is worth nothing unless
// machines meet, cables can be pulled and addresses change.
func TestMachinesOfANetworkReachEachOther(t *testing.T) {
	n := servertest.NewNetwork(t)
	ann, bob := n.Machine("ann-pc"), n.Machine("bob-pc")
	ann.Start(build(t), "--no-discovery")
	ann.Own("ann")

	sees := func() error {
		_, _, _, err := bob.Browser(ann).Get("/api/health")
		return err
	}
	if err := sees(); err != nil {
		t.Fatalf("bob does not reach ann: %v", err)
	}
	ann.SetAddr(netip.MustParseAddr("10.77.0.99"))
	if err := sees(); err != nil {
		t.Errorf("bob does not reach ann's new address: %v", err)
	}
	ann.Unplug()
	done := make(chan error, 1)
	go func() { done <- sees() }()
	select {
	case err := <-done:
		t.Errorf("bob got an answer through a pulled cable (%v)", err)
	case <-time.After(500 * time.Millisecond):
	}
	ann.Plug()
	if err := <-done; err != nil {
		t.Errorf("bob's request did not survive half a second without a cable: %v", err)
	}
}

// presence returns "" when the echo.tv on m lists host with this presence, and
// else what it lists.
func presence(m, host *servertest.Machine, presence string) func() string {
	return func() string {
		var list struct {
			Hosts []struct{ Name, Presence, Address string }
		}
		if err := m.Browser(m).Do("GET", "/hosts", nil, &list); err != nil {
			return err.Error()
		}
		at := netip.AddrPortFrom(host.Addr, 5175).String()
		for _, h := range list.Hosts {
			if h.Name == host.Name && h.Presence == presence && (presence == "gone" || h.Address == at) {
				return ""
			}
		}
		return fmt.Sprintf("%s lists %v, not %s as %s at %s", m.Name, list.Hosts, host.Name, presence, at)
	}
}

// in fails the test unless every wait is over within limit, and logs how long it
// took: these are promises to people who watch a card change its colour.
func in(t *testing.T, what string, limit time.Duration, waits ...func() string) {
	t.Helper()
	began := time.Now()
	for _, w := range waits {
		if why := servertest.Within(limit-time.Since(began), w); why != "" {
			t.Fatalf("%s: not within %v: %s", what, limit, why)
		}
	}
	t.Logf("%s: %v (at most %v)", what, time.Since(began).Round(10*time.Millisecond), limit)
}

func TestHostsFindAndLoseEachOther(t *testing.T) {
	n := servertest.NewNetwork(t)
	ann, bob, cyd := n.Machine("ann-pc"), n.Machine("bob-pc"), n.Machine("cyd-pc")
	program := build(t)
	start := func(m *servertest.Machine) { m.Start(program) }
	for _, m := range []*servertest.Machine{ann, bob, cyd} {
		start(m)
		m.Own(m.Name[:3])
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, m := range []*servertest.Machine{ann, bob, cyd} {
				t.Logf("log of %s:\n%s", m.Name, m.Log)
			}
		}
	})
	everybody := func(of *servertest.Machine, is string) (all []func() string) {
		for _, m := range []*servertest.Machine{ann, bob, cyd} {
			if m != of && m.Runs() {
				all = append(all, presence(m, of, is))
			}
		}
		return all
	}
	in(t, "three hosts find each other", 5*time.Second, append(append(everybody(ann, "here"), everybody(bob, "here")...), everybody(cyd, "here")...)...)

	cyd.Stop()
	in(t, "goodbye", 500*time.Millisecond, everybody(cyd, "gone")...)
	start(cyd)
	in(t, "mutual discovery", 2*time.Second, append(everybody(cyd, "here"), presence(cyd, ann, "here"), presence(cyd, bob, "here"))...)

	cyd.Kill()
	in(t, "kill -9", time.Second, everybody(cyd, "gone")...)
	start(cyd)
	in(t, "discovery after a crash", 2*time.Second, everybody(cyd, "here")...)

	ann.Unplug()
	in(t, "link pulled", 8*time.Second, everybody(ann, "gone")...)
	ann.Plug()
	in(t, "link back", 5*time.Second, append(everybody(ann, "here"), presence(ann, bob, "here"), presence(ann, cyd, "here"))...)

	ann.SetAddr(netip.MustParseAddr("10.77.0.99"))
	in(t, "address change", 3*time.Second, append(everybody(ann, "here"), presence(ann, bob, "here"), presence(ann, cyd, "here"))...)
}
