package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"echo.tv/server/lan"
)

// opened is a port that a firewall must let in.
type opened struct {
	proto string
	port  uint16
}

func (o opened) String() string { return fmt.Sprintf("%d/%s", o.port, o.proto) }

// firewalled is what a look at one firewall found.
type firewalled struct {
	name    string                // ufw, firewalld, nftables, iptables, Windows Firewall
	shut    []opened              // kept out
	unsure  bool                  // its rules are more than we can judge
	command func([]opened) string // opens ports in it
	keep    string                // how to make that last, when the command alone does not
}

// mdns is how hosts find one another; RFC 6762.
var mdns = opened{"udp", 5353}

// firewall says whether one keeps others out, and how to open it.
func (d *Doctor) firewall(ctx context.Context) Verdict {
	switch d.OS {
	case "linux":
		return d.linuxFirewall(ctx)
	case "windows":
		return d.windowsFirewall(ctx)
	case "darwin":
		return d.macFirewall(ctx)
	}
	return couldNotLook("Nobody taught this program the firewall of "+d.OS+".", "", "")
}

const firewallID = "firewall"

func couldNotLook(says, do, line string) Verdict {
	if do == "" {
		do = "Try with a phone, which proves it."
	}
	return Verdict{ID: firewallID, Title: "Firewall", State: Unknown, Says: says, Do: do, Line: line}
}

// needed are the ports that others come in by, in the order of need.
func (d *Doctor) needed() []opened {
	var all []opened
	for _, l := range d.Listeners() {
		if l.ID == "rtsp" {
			continue // cameras are few; who has some opens it
		}
		at := l.On
		if at == "" {
			at = l.Want
		}
		_, port, _ := net.SplitHostPort(at)
		if n, err := strconv.ParseUint(port, 10, 16); err == nil && n > 0 {
			all = append(all, opened{"tcp", uint16(n)})
		}
	}
	return append(all, mdns)
}

// packets are what a neighbour sends to the needed ports.
func (d *Doctor) packet(o opened, a lan.Address) packet {
	p := packet{proto: o.proto, port: o.port, adapter: a.Adapter, from: a.Prefix.Masked(), to: a.IP}
	if o == mdns {
		p.to = netip.AddrFrom4([4]byte{224, 0, 0, 251})
	}
	return p
}

// verdict puts what was found into words.
func (f firewalled) verdict(needed []opened) Verdict {
	v := Verdict{ID: firewallID, Title: "Firewall"}
	important := slices.ContainsFunc(f.shut, func(o opened) bool { return o != mdns })
	switch {
	case len(f.shut) > 0:
		v.State, v.Says = Fail, fmt.Sprintf("%s keeps others out of %s.", f.name, list(f.shut))
		if !important {
			v.State, v.Says = Warn, fmt.Sprintf("%s lets viewers and OBS in, but other hosts cannot find this one: %s is shut.", f.name, mdns)
		}
		v.Do, v.Line = "Open it:", f.command(f.shut)
		if f.keep != "" {
			v.Do = f.keep
		}
	case f.unsure:
		return couldNotLook(fmt.Sprintf("%s has rules that this program cannot judge.", cmp.Or(f.name, "The firewall")),
			"Try with a phone, or open the ports to be sure:", f.command(needed))
	case f.name == "":
		v.State, v.Says = OK, fmt.Sprintf("No firewall here keeps others out of %s.", list(needed))
	default:
		v.State, v.Says = OK, fmt.Sprintf("%s lets %s in.", f.name, list(needed))
	}
	return v
}

// list joins ports for a sentence.
func list(all []opened) string {
	words := make([]string, len(all))
	for i, o := range all {
		words[i] = o.String()
	}
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// ports joins the ports of one protocol with commas.
func ports(all []opened, proto string) string {
	var words []string
	for _, o := range all {
		if o.proto == proto {
			words = append(words, strconv.Itoa(int(o.port)))
		}
	}
	return strings.Join(words, ",")
}

// eachProto joins, with &&, what line makes of the ports of tcp and of udp.
func eachProto(all []opened, line func(proto, ports string) string) string {
	var parts []string
	for _, proto := range []string{"tcp", "udp"} {
		if p := ports(all, proto); p != "" {
			parts = append(parts, line(proto, p))
		}
	}
	return strings.Join(parts, " && ")
}

// sudo is what a line that changes the system begins with.
func sudo() string {
	if os.Geteuid() == 0 {
		return ""
	}
	return "sudo "
}
