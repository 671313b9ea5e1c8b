package servertest

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Machine is one computer of a Network. It runs at most one echo.tv at a time,
// in a data folder that outlives it, on the usual ports.
type Machine struct {
	Name string
	Addr netip.Addr // the one it has now
	Log  *Log       // all that its programs wrote

	t    testing.TB
	net  *Network
	at   space
	port string // of the switch
	data string
	cmd  *exec.Cmd // nil while no echo.tv runs
	exe  string
}

// Start runs the program, and returns when it listens.
func (m *Machine) Start(program string, args ...string) {
	m.t.Helper()
	m.exe = program
	control := filepath.Join(m.data, "control.json")
	os.Remove(control)
	m.cmd = m.Command(program, append([]string{"--headless", "--data", m.data, "--log-level", "debug"}, args...)...)
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	Eventually(m.t, func() string {
		if raw, err := os.ReadFile(control); err != nil || !json.Valid(raw) {
			return m.Name + " did not come up: " + m.Log.String()
		}
		return ""
	})
}

// Runs reports whether echo.tv was started here and not ended.
func (m *Machine) Runs() bool { return m.cmd != nil }

// Stop lets echo.tv say goodbye, and waits.
func (m *Machine) Stop() { m.end(syscall.SIGTERM) }

// Kill ends it without goodbye, and waits.
func (m *Machine) Kill() { m.end(syscall.SIGKILL) }

func (m *Machine) end(s syscall.Signal) {
	if m.cmd == nil {
		return
	}
	m.cmd.Process.Signal(s)
	m.cmd.Wait()
	m.cmd = nil
}

// Sleep stops echo.tv as a closed lid does, until Wake.
func (m *Machine) Sleep() { m.cmd.Process.Signal(syscall.SIGSTOP) }

// Wake undoes Sleep.
func (m *Machine) Wake() { m.cmd.Process.Signal(syscall.SIGCONT) }

// Memory returns how many bytes echo.tv has in memory.
func (m *Machine) Memory() int {
	m.t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", m.cmd.Process.Pid))
	var size, resident int
	if err == nil {
		_, err = fmt.Sscan(string(raw), &size, &resident)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	return resident * os.Getpagesize()
}

// Command returns a command of this machine, not started, whose output goes to
// Log.
func (m *Machine) Command(name string, args ...string) *exec.Cmd {
	c := m.at.command(name, args...)
	c.Stdout, c.Stderr = m.Log, m.Log
	return c
}

// Run runs a command on this machine, which must succeed, and returns what it
// printed.
func (m *Machine) Run(name string, args ...string) string {
	m.t.Helper()
	return m.at.run(m.t, name, args...)
}

// Echo runs a command of echo.tv itself, such as "user add ann", which must
// succeed, and returns what it printed.
func (m *Machine) Echo(args ...string) string {
	m.t.Helper()
	out, err := m.at.command(m.exe, append([]string{"--data", m.data}, args...)...).Output()
	if err != nil {
		m.t.Fatalf("%s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out))
}

// Own gives this machine's echo.tv an owner, without whom it says nothing to
// others, and a streamer called name with the key that is returned.
func (m *Machine) Own(name string) (key string) {
	m.t.Helper()
	m.Echo("user", "add", "owner", "--role", "owner")
	m.Echo("user", "add", name)
	return m.Echo("key", "new", name)
}

// Browser returns a browser on this machine that opens the pages of host, which
// may be the same machine.
func (m *Machine) Browser(host *Machine) *Client {
	at := host.Addr
	if host == m {
		at = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	c := NewClient("http://" + netip.AddrPortFrom(at, 5175).String())
	c.http.Transport = &http.Transport{DialContext: m.Dial, DisableKeepAlives: true}
	return c
}

// Dial connects from this machine; addr is an IP and a port.
func (m *Machine) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return m.at.dial(ctx, network, addr)
}

// Data is its data folder.
func (m *Machine) Data() string { return m.data }

// Do calls f on a thread of this machine: what it opens is a socket there.
func (m *Machine) Do(f func() error) error { return m.at.do(f) }

// Publish streams clip from this machine with the key, as servertest.Publish
// does, to the echo.tv on it.
func (m *Machine) Publish(clip Clip, key string) *OBS {
	m.t.Helper()
	return m.publish(clip, "127.0.0.1", key)
}

// PublishTo is Publish to the echo.tv on another machine.
func (m *Machine) PublishTo(host *Machine, clip Clip, key string) *OBS {
	m.t.Helper()
	return m.publish(clip, host.Addr.String(), key)
}

func (m *Machine) publish(clip Clip, host, key string) *OBS {
	m.t.Helper()
	return publish(m.t, func(args ...string) *exec.Cmd { return m.at.command("ffmpeg", args...) },
		clip.File(m.t), "rtmp://"+host+":1935/live/"+key)
}
