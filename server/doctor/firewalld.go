package doctor

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"echo.tv/server/lan"
)

// firewalld is Fedora's. On a desktop it answers everybody, through polkit.
func (d *Doctor) firewalld(ctx context.Context, a lan.Address) manager {
	m := manager{name: "firewalld"}
	state, err := d.Commands.Run(ctx, "firewall-cmd", "--state")
	if m.on = err == nil && strings.TrimSpace(state) == "running"; !m.on {
		return m
	}
	zone := d.zone(ctx, a.Adapter)
	m.name, m.command = "firewalld (zone "+zone+")", firewalldCommand(zone)
	rules, err := d.Commands.Run(ctx, "firewall-cmd", "--zone="+zone, "--list-all")
	if z := parseZone(rules); err == nil && z.target != "" {
		m.shut = z.shut
	}
	return m
}

var zoneName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,17}$`)

// zone is the one of the adapter, else the default one.
func (d *Doctor) zone(ctx context.Context, adapter string) string {
	for _, ask := range []string{"--get-zone-of-interface=" + adapter, "--get-default-zone"} {
		out, err := d.Commands.Run(ctx, "firewall-cmd", ask)
		if name := strings.TrimSpace(out); err == nil && zoneName.MatchString(name) {
			return name
		}
	}
	return "public"
}

func firewalldCommand(zone string) func([]opened) string {
	return func(all []opened) string {
		var add []string
		for _, o := range all {
			add = append(add, "--add-port="+o.String())
		}
		return fmt.Sprintf("%sfirewall-cmd --permanent --zone=%s %s && %sfirewall-cmd --reload", sudo(), zone, strings.Join(add, " "), sudo())
	}
}

// zoneRules is what --list-all prints of a zone; rich rules are left to the
// kernel's own view.
type zoneRules struct {
	target          string
	ports, services []string
}

func parseZone(out string) (z zoneRules) {
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch key {
		case "target":
			z.target = strings.TrimSpace(value)
		case "ports":
			z.ports = strings.Fields(value)
		case "services":
			z.services = strings.Fields(value)
		}
	}
	return z
}

// shut returns those of all that the zone does not let in.
func (z zoneRules) shut(all []opened) (out []opened) {
	if z.target == "ACCEPT" {
		return nil
	}
	for _, o := range all {
		byService := o == mdns && slices.Contains(z.services, "mdns")
		if !byService && !slices.ContainsFunc(z.ports, func(p string) bool { return zonePort(p, o) }) {
			out = append(out, o)
		}
	}
	return out
}

// zonePort understands 1935/tcp and 1024-65535/tcp.
func zonePort(s string, o opened) bool {
	span, proto, _ := strings.Cut(s, "/")
	low, high, isSpan := strings.Cut(span, "-")
	if !isSpan {
		high = low
	}
	from, err1 := strconv.Atoi(low)
	to, err2 := strconv.Atoi(high)
	return err1 == nil && err2 == nil && proto == o.proto && from <= int(o.port) && int(o.port) <= to
}
