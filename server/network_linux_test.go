package server_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/net/ipv4"

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

func TestALidThatIsClosedAndOpened(t *testing.T) {
	n := servertest.NewNetwork(t)
	ann, bob := n.Machine("ann-pc"), n.Machine("bob-pc")
	program := build(t)
	for _, m := range []*servertest.Machine{ann, bob} {
		m.Start(program)
		m.Own(m.Name[:3])
	}
	in(t, "two hosts find each other", 5*time.Second, presence(ann, bob, "here"), presence(bob, ann, "here"))
	bob.Sleep()
	in(t, "asleep", 8*time.Second, presence(ann, bob, "gone"))
	time.Sleep(2 * time.Second)
	bob.Wake()
	in(t, "awake", 5*time.Second, presence(ann, bob, "here"), presence(bob, ann, "here"))
}

// A second adapter comes, and then the first one's cable is pulled: the host is
// where it can be reached, and at no time gone.
func TestFromTheCableToTheWiFi(t *testing.T) {
	n := servertest.NewNetwork(t)
	ann, bob := n.Machine("ann-pc"), n.Machine("bob-pc")
	program := build(t)
	for _, m := range []*servertest.Machine{ann, bob} {
		m.Start(program)
		m.Own(m.Name[:3])
	}
	in(t, "two hosts find each other", 5*time.Second, presence(ann, bob, "here"), presence(bob, ann, "here"))
	ann.AddAdapter(netip.MustParseAddr("10.78.0.1"))
	bob.AddAdapter(netip.MustParseAddr("10.78.0.2"))
	time.Sleep(3 * time.Second) // they announce themselves there too, and nothing moves
	if why := presence(bob, ann, "here")(); why != "" {
		t.Error(why)
	}
	ann.Unplug()
	ann.Addr = netip.MustParseAddr("10.78.0.1")
	in(t, "by the other adapter", 5*time.Second, presence(bob, ann, "here"))
	if strings.Contains(bob.Log.String(), "host gone") {
		t.Errorf("ann was taken for gone: %s", bob.Log)
	}
}

// mdnsEar hears the multicast DNS of m's network, as from port 5353 there.
func mdnsEar(t *testing.T, m *servertest.Machine) (conn *net.UDPConn) {
	t.Helper()
	err := m.Do(func() (err error) {
		if conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(224, 0, 0, 0), Port: 5353}); err != nil {
			return err
		}
		eth0, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		return ipv4.NewPacketConn(conn).JoinGroup(eth0, &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251)})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// hears reports whether anything came in d.
func hears(conn *net.UDPConn, d time.Duration) bool {
	conn.SetReadDeadline(time.Now().Add(d))
	_, err := conn.Read(make([]byte, 9000))
	return err == nil
}

func TestHostsFindEachOtherWhereMulticastIsFiltered(t *testing.T) {
	n := servertest.NewNetwork(t)
	ann, bob, spare := n.Machine("ann-pc"), n.Machine("bob-pc"), n.Machine("spare")
	program, ear := build(t), mdnsEar(t, spare)
	ann.Start(program)
	ann.Own("ann")
	if !hears(ear, 3*time.Second) {
		t.Error("ann announces nothing")
	}
	n.FilterMulticast()
	for hears(ear, 100*time.Millisecond) { // what was on its way
	}
	bob.Start(program)
	bob.Own("bob")
	in(t, "two hosts find each other by beacon", 6*time.Second, presence(ann, bob, "here"), presence(bob, ann, "here"))
	if hears(ear, 100*time.Millisecond) {
		t.Error("multicast was not filtered: this test shows nothing")
	}
	bob.Stop()
	in(t, "goodbye", 500*time.Millisecond, presence(ann, bob, "gone"))
}

// announcement claims that host number n is at ip.
func announcement(t *testing.T, n int, ip [4]byte) []byte {
	t.Helper()
	service := dnsmessage.MustNewName("_echotv._tcp.local.")
	const letters = "abcdefghijklmnop"
	id := fmt.Sprintf("aaaaaaaaaaaa%c%c%c%c", letters[n>>12&15], letters[n>>8&15], letters[n>>4&15], letters[n&15])
	instance, host := dnsmessage.MustNewName("echotv-"+id+"._echotv._tcp.local."), dnsmessage.MustNewName(id+".local.")
	head := func(name dnsmessage.Name) dnsmessage.ResourceHeader {
		return dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: 120}
	}
	m := dnsmessage.Message{Header: dnsmessage.Header{Response: true}, Answers: []dnsmessage.Resource{
		{Header: head(service), Body: &dnsmessage.PTRResource{PTR: instance}},
		{Header: head(instance), Body: &dnsmessage.SRVResource{Port: uint16(1024 + n), Target: host}},
		{Header: head(host), Body: &dnsmessage.AResource{A: ip}},
	}}
	raw, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Mallory's machine says two thousand times a second that there is one more host,
// at addresses that nobody should call.
func TestAFloodOfAnnouncementsLeavesTheHostsRight(t *testing.T) {
	n := servertest.NewNetwork(t)
	ann, bob, mallory := n.Machine("ann-pc"), n.Machine("bob-pc"), n.Machine("mallory")
	program := build(t)
	ann.Start(program)
	ann.Own("ann")
	mouth := mdnsEar(t, mallory)
	before := ann.Memory()
	ctx, end := context.WithCancel(t.Context())
	var flood sync.WaitGroup
	defer flood.Wait()
	defer end()
	flood.Go(func() {
		lies := [][4]byte{{127, 0, 0, 1}, {169, 254, 169, 254}, ann.Addr.As4(), {10, 77, 0, 200}}
		to := &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 5353}
		for i := 0; ctx.Err() == nil; i++ {
			mouth.WriteTo(announcement(t, i&0x7fff, lies[i%len(lies)]), to)
			time.Sleep(time.Second / 2000)
		}
	})
	time.Sleep(2 * time.Second)
	bob.Start(program)
	bob.Own("bob")
	in(t, "two hosts find each other in a flood", 6*time.Second, presence(ann, bob, "here"), presence(bob, ann, "here"))
	time.Sleep(5 * time.Second)
	var list struct{ Hosts []struct{ Name string } }
	if err := ann.Browser(ann).Do("GET", "/hosts", nil, &list); err != nil || len(list.Hosts) != 1 {
		t.Errorf("ann lists %v %v", list.Hosts, err)
	}
	if now := ann.Memory(); now > before+64<<20 {
		t.Errorf("memory went from %d to %d MiB", before>>20, now>>20)
	} else {
		t.Logf("memory went from %d to %d MiB", before>>20, now>>20)
	}
	bob.Kill()
	in(t, "kill -9 in a flood", 3*time.Second, presence(ann, bob, "gone"))
}

// Debian and Ubuntu have avahi-daemon on port 5353 already.
func TestHostsFindEachOtherBesideAvahi(t *testing.T) {
	n := servertest.NewNetwork(t)
	ann, bob := n.Machine("ann-pc"), n.Machine("bob-pc")
	avahi := startAvahi(t, ann)
	program := build(t)
	ann.Start(program)
	ann.Own("ann")
	bob.Start(program)
	bob.Own("bob")
	in(t, "two hosts find each other beside avahi", 4*time.Second, presence(ann, bob, "here"), presence(bob, ann, "here"))
	if !avahi() {
		t.Errorf("avahi has ended: %s", ann.Log)
	}
	bob.Stop()
	in(t, "goodbye", 500*time.Millisecond, presence(ann, bob, "gone"))
}

// startAvahi runs avahi-daemon on m and returns whether it still does.
func startAvahi(t *testing.T, m *servertest.Machine) (runs func() bool) {
	t.Helper()
	if _, err := exec.LookPath("avahi-daemon"); err != nil {
		t.Skip("avahi-daemon is not installed") // not a part of the suite: installing it would start it
	}
	conf := filepath.Join(t.TempDir(), "avahi.conf")
	if err := os.WriteFile(conf, []byte("[server]\nenable-dbus=no\nuse-ipv6=no\nallow-interfaces=eth0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := m.Command("unshare", "-m", "sh", "-c", "mount -t tmpfs none /run && mkdir /run/avahi-daemon && exec avahi-daemon --no-drop-root --no-chroot --no-rlimits -f "+conf)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { c.Wait(); close(ended) }()
	t.Cleanup(func() { c.Process.Kill(); <-ended })
	runs = func() bool {
		select {
		case <-ended:
			return false
		default:
			return true
		}
	}
	if why := servertest.Within(5*time.Second, func() string {
		if !runs() || !strings.Contains(m.Log.String(), "Server startup complete") {
			return m.Log.String()
		}
		return ""
	}); why != "" {
		t.Skipf("avahi-daemon does not run here: %s", why)
	}
	return runs
}
