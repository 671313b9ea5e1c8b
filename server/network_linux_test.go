package server_test

import (
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
	program := build(t)
	ann.Start(program)
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
	c := bob.Browser(ann)
	done := make(chan error, 1)
	go func() { _, _, _, err := c.Get("/api/health"); done <- err }()
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
