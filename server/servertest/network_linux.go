package servertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Network is an Ethernet of its own: a switch, and machines that are plugged
// into it. Each is a network namespace that lives as long as one process of
// ours, which dies with the test binary; so nothing stays behind, whatever
// happens, nothing needs a name, and the network of this machine is not touched.
type Network struct {
	t        testing.TB
	at       space
	machines []*Machine
}

// NewNetwork returns a network without machines. The test is skipped where
// namespaces cannot be made; in a suite that promised all, root must be able to.
func NewNetwork(t testing.TB) *Network {
	t.Helper()
	for _, tool := range []string{"ip", "nsenter", "sleep"} {
		NeedTool(t, tool)
	}
	sw, err := newSpace(t)
	if err != nil {
		if os.Geteuid() == 0 && os.Getenv("ECHOTV_TEST_STRICT") != "" {
			t.Fatalf("no network namespaces: %v", err)
		}
		t.Skipf("this test plays on several machines, which takes root to stage: %v", err)
	}
	n := &Network{t: t, at: sw}
	sw.run(t, "ip", "link", "add", "switch", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
	sw.run(t, "ip", "link", "set", "switch", "up")
	return n
}

// Machine plugs a new machine called name in. Its address is 10.77.0.1 for the
// first one, then .2 and so on, its only route that network.
func (n *Network) Machine(name string) *Machine {
	n.t.Helper()
	at, err := newSpace(n.t)
	if err != nil {
		n.t.Fatal(err)
	}
	number := len(n.machines) + 1
	m := &Machine{t: n.t, Name: name, net: n, at: at, port: "port" + strconv.Itoa(number), Log: &Log{}, data: n.t.TempDir()}
	n.machines = append(n.machines, m)
	n.at.run(n.t, "ip", "link", "add", m.port, "type", "veth", "peer", "name", "eth0", "netns", strconv.Itoa(at.pid))
	n.at.run(n.t, "ip", "link", "set", m.port, "master", "switch", "up")
	at.run(n.t, "sh", "-c", "echo "+name+" >/proc/sys/kernel/hostname")
	at.run(n.t, "ip", "link", "set", "lo", "up")
	at.run(n.t, "ip", "link", "set", "eth0", "up")
	m.SetAddr(netip.AddrFrom4([4]byte{10, 77, 0, byte(number)}))
	n.t.Cleanup(m.Kill)
	return m
}

// FilterMulticast makes the switch one that lets no multicast through, as the
// Wi-Fi of hotels and campuses does.
func (n *Network) FilterMulticast() {
	for _, m := range n.machines {
		n.at.run(n.t, "ip", "link", "set", m.port, "type", "bridge_slave", "mcast_flood", "off")
	}
}

// AddAdapter plugs a second adapter in, eth1, as Wi-Fi beside the cable.
func (m *Machine) AddAdapter(a netip.Addr) {
	m.t.Helper()
	m.net.at.run(m.t, "ip", "link", "add", m.port+"b", "type", "veth", "peer", "name", "eth1", "netns", strconv.Itoa(m.at.pid))
	m.net.at.run(m.t, "ip", "link", "set", m.port+"b", "master", "switch", "up")
	m.at.run(m.t, "ip", "addr", "add", netip.PrefixFrom(a, 24).String(), "brd", "+", "dev", "eth1")
	m.at.run(m.t, "ip", "link", "set", "eth1", "up")
}

// SetAddr gives the machine another address, as DHCP would, and takes away the
// one it had.
func (m *Machine) SetAddr(a netip.Addr) {
	m.t.Helper()
	m.at.run(m.t, "ip", "addr", "flush", "dev", "eth0", "scope", "global")
	m.at.run(m.t, "ip", "addr", "add", netip.PrefixFrom(a, 24).String(), "brd", "+", "dev", "eth0")
	m.at.run(m.t, "ip", "route", "add", "default", "dev", "eth0")
	m.Addr = a
}

// Unplug pulls the cable: the machine keeps its address, and no packet passes.
func (m *Machine) Unplug() { m.net.at.run(m.t, "ip", "link", "set", m.port, "down") }

// Plug puts the cable back.
func (m *Machine) Plug() { m.net.at.run(m.t, "ip", "link", "set", m.port, "up") }

// space is a network namespace with a host name, held by a process that sleeps.
type space struct{ pid int }

func newSpace(t testing.TB) (space, error) {
	holder := exec.Command("sleep", "infinity")
	holder.SysProcAttr = dieWithParent()
	holder.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS
	if err := holder.Start(); err != nil {
		return space{}, err
	}
	t.Cleanup(func() { holder.Process.Kill(); holder.Wait() })
	return space{holder.Process.Pid}, nil
}

// command returns a command that runs inside, not started.
func (s space) command(name string, args ...string) *exec.Cmd {
	c := exec.Command("nsenter", append([]string{"-t", strconv.Itoa(s.pid), "-n", "-u", name}, args...)...)
	c.SysProcAttr = dieWithParent()
	return c
}

// run runs a command inside, which must succeed.
func (s space) run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := s.command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// do calls f on a thread that is inside. A socket stays where it was made, so
// what f opens goes on working outside.
func (s space) do(f func() error) error {
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer home.Close()
	inside, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", s.pid))
	if err != nil {
		return err
	}
	defer inside.Close()
	runtime.LockOSThread()
	if err := unix.Setns(int(inside.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return err
	}
	err = f()
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
		return errors.Join(err, back) // still locked: the thread ends with the goroutine
	}
	runtime.UnlockOSThread()
	return err
}

func (s space) dial(ctx context.Context, network, addr string) (c net.Conn, err error) {
	err = s.do(func() (err error) {
		c, err = new(net.Dialer).DialContext(ctx, network, addr)
		return err
	})
	return c, err
}
