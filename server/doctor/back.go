package doctor

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"echo.tv/server/lan"
)

// back tries the way from this computer to a phone that came to it. A refused
// connection and an answered ping are as good as each other; many phones grant
// neither, which says nothing.
func (d *Doctor) back(ctx context.Context, phone netip.Addr) Step {
	s := Step{ID: "back", Title: "From here to the phone", State: "ok"}
	switch {
	case !d.onLink(phone):
		s.State, s.Says = "waiting", "The phone is on another network and comes in by a router, so it will not find hosts by itself."
	case d.refuses(ctx, phone) || d.pings(ctx, phone):
		s.Says = "This computer reaches the phone, too."
	case neighbour(d.Files, phone):
		s.Says = "The phone is a direct neighbour. It answers no ping, as many phones do not."
	default:
		s.State, s.Says = "waiting", "The phone answers no ping, as many phones do not, so the way back is unknown."
	}
	return s
}

// ours reports whether a is an address of this computer.
func (d *Doctor) ours(a netip.Addr) bool {
	return a.IsLoopback() || slices.ContainsFunc(d.Network().Addresses, func(o lan.Address) bool { return o.IP == a })
}

// onLink reports whether phone is on one of our networks.
func (d *Doctor) onLink(phone netip.Addr) bool {
	for _, a := range d.Network().Addresses {
		if a.Prefix.Masked().Contains(phone) {
			return true
		}
	}
	return false
}

// refuses reports whether the phone's own system answers for a port where nobody
// listens: 9, which throws away (RFC 863).
func (d *Doctor) refuses(ctx context.Context, phone netip.Addr) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	c, err := d.dial(ctx, "tcp", netip.AddrPortFrom(phone, 9).String())
	if err == nil {
		c.Close()
	}
	return err == nil || errors.Is(err, syscall.ECONNREFUSED)
}

func (d *Doctor) pings(ctx context.Context, phone netip.Addr) bool {
	args := []string{"-c", "1", phone.String()}
	if d.OS == "windows" {
		args = []string{"-n", "1", "-w", "1000", phone.String()}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	out, err := d.Commands.Run(ctx, "ping", args...)
	return err == nil && strings.Contains(strings.ToLower(out), "ttl=") // Windows ends well when a router says no
}

// neighbour reports whether Linux knows the phone's hardware address: they spoke
// without a router between them. The third column is 0x2 for a complete entry.
func neighbour(root fs.FS, phone netip.Addr) bool {
	table, _ := fs.ReadFile(root, "proc/net/arp")
	for line := range strings.Lines(string(table)) {
		if w := strings.Fields(line); len(w) >= 4 && w[0] == phone.String() && w[2] == "0x2" {
			return true
		}
	}
	return false
}
