package doctor_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"echo.tv/server/doctor"
	"echo.tv/server/lan"
	"echo.tv/server/servertest"
)

// inside runs the doctor's commands on a machine of the test's network.
type inside struct{ *servertest.Machine }

func (m inside) Run(_ context.Context, name string, args ...string) (string, error) {
	c := m.Command(name, args...)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, nil
	err := c.Run()
	return out.String(), err
}

// rulesets are the firewalls that a neighbour and the doctor must agree on.
var rulesets = []struct{ name, rules string }{
	{"none", ""},
	{"drops by policy", `table inet f { chain in { type filter hook input priority 0; policy drop; ct state established accept; tcp dport 1935 accept; }; }`},
	{"a set of ports", `table inet f { chain in { type filter hook input priority 0; policy drop; tcp dport { 22, 1900-1940 } accept; }; }`},
	{"all but two", `table ip f { chain in { type filter hook input priority 0; policy drop; tcp dport != { 5175, 9 } accept; }; }`},
	{"for neighbours only", `table ip f { chain in { type filter hook input priority 0; policy drop; ip saddr 10.77.0.0/16 tcp dport 5175 accept; ip saddr 172.16.0.0/12 tcp dport 1935 accept; }; }`},
	{"for another adapter", `table inet f { chain in { type filter hook input priority 0; policy drop; iifname "wlan*" tcp dport 1935 accept; iifname "eth*" tcp dport 5175 accept; }; }`},
	{"jumps and returns", `table inet f { chain known { tcp dport 1935 return; accept; }; chain in { type filter hook input priority 0; policy accept; jump known; reject; }; }`},
	{"goes and does not come back", `table inet f { chain known { tcp dport 1935 accept; }; chain in { type filter hook input priority 0; policy drop; goto known; accept; }; }`},
	{"two tables", `table inet a { chain in { type filter hook input priority 0; policy accept; tcp dport 1935 accept; }; }
		table inet b { chain in { type filter hook input priority 10; policy accept; tcp dport 1935 drop; }; }`},
	{"a named set", `table ip f { set lan { type ipv4_addr; flags interval; elements = { 10.77.0.0/24 }; }; chain in { type filter hook input priority 0; policy drop; ip saddr @lan tcp dport 1935 accept; }; }`},
	{"what is forwarded", `table inet f { chain fw { type filter hook forward priority 0; policy drop; }; }`},
	{"iptables", "-P INPUT DROP\n-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n-A INPUT ! -i wlan0 -p tcp -m multiport --dports 5000:5200,22 -j ACCEPT"},
	{"iptables with a chain", "-N LANIN\n-A INPUT -s 10.77.0.0/24 -j LANIN\n-A LANIN -p tcp --dport 1935 -m comment --comment \"not today\" -j REJECT\n-A LANIN -j RETURN"},
}

func TestTheDoctorAgreesWithTheKernel(t *testing.T) {
	servertest.NeedTool(t, "nft")
	servertest.NeedTool(t, "iptables")
	for _, c := range rulesets {
		t.Run(c.name, func(t *testing.T) {
			n := servertest.NewNetwork(t)
			host, neighbour := n.Machine("host"), n.Machine("neighbour")
			install(t, host, c.rules)
			d := doctor.New(doctor.Config{OS: "linux", Commands: inside{host}, Files: os.DirFS("/"),
				Network: func() lan.Network {
					return lan.Network{Addresses: []lan.Address{{IP: host.Addr, Prefix: netip.PrefixFrom(host.Addr, 24), Adapter: "eth0", Kind: lan.Ethernet}}}
				},
				Listeners: func() []doctor.Listener {
					return []doctor.Listener{{ID: "http", Want: ":5175"}, {ID: "rtmp", Want: ":1935"}}
				}})
			v := d.Firewall(t.Context())
			if v.State == doctor.Unknown {
				t.Fatalf("the doctor does not know: %s", v.Says)
			}
			for _, port := range []string{"5175", "1935"} {
				said := !strings.Contains(v.Says, port) || v.State == doctor.OK
				if is := reaches(t, host, neighbour, port); is != said {
					t.Errorf("port %s: the neighbour gets through: %v; the doctor says: %s", port, is, v.Says)
				}
			}
			if v.State == doctor.Fail { // and what it tells to type does help
				host.Run("sh", "-c", v.Line)
				for _, port := range []string{"5175", "1935"} {
					if !reaches(t, host, neighbour, port) {
						t.Errorf("after %q port %s is still shut", v.Line, port)
					}
				}
			}
		})
	}
}

func install(t *testing.T, m *servertest.Machine, rules string) {
	t.Helper()
	if strings.HasPrefix(rules, "-") {
		for line := range strings.Lines(rules) {
			m.Run("sh", "-c", "iptables "+line)
		}
	} else if rules != "" {
		m.Run("nft", rules)
	}
}

// reaches reports whether a connection from one machine to a listener of the
// other is made.
func reaches(t *testing.T, host, neighbour *servertest.Machine, port string) bool {
	t.Helper()
	var l net.Listener
	if err := host.Do(func() (err error) {
		l, err = net.Listen("tcp4", fmt.Sprintf("%s:%s", host.Addr, port))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond) // a packet here takes microseconds
	defer cancel()
	c, err := neighbour.Dial(ctx, "tcp", net.JoinHostPort(host.Addr.String(), port))
	if err == nil {
		c.Close()
	}
	return err == nil
}

// Ports taken by somebody are found among real processes.
func TestThePortsHolderIsFoundAmongRealProcesses(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d := doctor.New(doctor.Config{OS: "linux", Commands: doctor.System{}, Files: os.DirFS("/"), Network: func() lan.Network { return lan.Network{} },
		Listeners: func() []doctor.Listener {
			return []doctor.Listener{{ID: "rtmp", Who: "OBS", Flag: "--rtmp", Want: l.Addr().String()}}
		}})
	r := d.Examine(t.Context())
	me := fmt.Sprintf("(process %d)", os.Getpid())
	if i := slices.IndexFunc(r.Verdicts, func(v doctor.Verdict) bool { return v.ID == "rtmp" }); i < 0 || !strings.Contains(r.Verdicts[i].Says, me) {
		t.Errorf("%+v do not say %s", r.Verdicts, me)
	}
}
