package doctor

import (
	"context"
	"fmt"
	"strings"

	"echo.tv/server/lan"
)

// linuxFirewall asks the kernel what it does with a neighbour's first packet,
// where this user may see its rules, and else whoever manages them. ufw and
// firewalld are managers: they give the command that opens a port and lasts.
func (d *Doctor) linuxFirewall(ctx context.Context) Verdict {
	needed := d.needed()
	a, ok := best(d.Network())
	if !ok {
		return couldNotLook("Without a network there is nothing to keep out.", "Join a network, then look again.", "")
	}
	manager := d.manager(ctx, a)
	f, visible := d.kernel(ctx, needed, a)
	switch {
	case visible && manager.on:
		f.name, f.command, f.keep = manager.name, manager.command, ""
	case visible:
	case manager.on && manager.shut != nil: // firewalld tells everybody
		f = firewalled{name: manager.name, command: manager.command, shut: manager.shut(needed)}
	case manager.on:
		return couldNotLook(fmt.Sprintf("%s is on, and only root sees its rules.", manager.name),
			"This opens the ports, and changes nothing where they are open already:", manager.command(needed))
	default:
		return couldNotLook("Only root sees whether a firewall is in the way.", "Look as root, or try with a phone:", d.look())
	}
	return f.verdict(needed)
}

// manager is a program that writes the kernel's rules.
type manager struct {
	name    string
	on      bool
	command func([]opened) string
	shut    func([]opened) []opened // nil when it does not tell
}

func (d *Doctor) manager(ctx context.Context, a lan.Address) manager {
	if m := d.ufw(ctx); m.on {
		return m
	}
	return d.firewalld(ctx, a)
}

// kernel judges the kernel's own rules: nftables', and those of both variants of
// iptables. visible is false when this user may not see them.
func (d *Doctor) kernel(ctx context.Context, needed []opened, a lan.Address) (f firewalled, visible bool) {
	ruleset, nftErr := d.Commands.Run(ctx, "nft", "-j", "list", "ruleset")
	var others []string
	var othersErr error
	for _, name := range []string{"iptables", "iptables-legacy"} {
		rules, err := d.Commands.Run(ctx, name, "-S")
		switch {
		case err == nil:
			others = append(others, rules)
		case !missing(err):
			othersErr = err
		}
	}
	if (nftErr != nil && !missing(nftErr)) || othersErr != nil {
		return f, false
	}
	if missing(nftErr) && len(others) == 0 {
		return f, false // there may be rules all the same, from a container's tools
	}
	f.command = iptablesCommand
	for _, o := range needed {
		p := d.packet(o, a)
		state := open
		if nftErr == nil {
			is, by, err := nftOpening(ruleset, p)
			if err != nil {
				is = unsure
			}
			if is == shut {
				f.name, f.command, f.keep = "nftables", nftCommand(by), keepNft
			}
			state = is
		}
		for _, rules := range others {
			if is := iptablesOpening(rules, p); is > state {
				f.name, state = "iptables", is
				f.command, f.keep = iptablesCommand, keepIptables
			}
		}
		switch state {
		case shut:
			f.shut = append(f.shut, o)
		case unsure:
			f.unsure = true
		}
	}
	return f, true
}

const (
	keepNft      = "Open it, and put the same rule into /etc/nftables.conf to keep it:"
	keepIptables = "Open it, and save it (iptables-save) to keep it after a restart:"
)

func nftCommand(at shutter) func([]opened) string {
	return func(all []opened) string {
		return eachProto(all, func(proto, ports string) string {
			return fmt.Sprintf("%snft 'insert rule %s %s %s %s dport { %s } accept'", sudo(), at.family, at.table, at.chain, proto, strings.ReplaceAll(ports, ",", ", "))
		})
	}
}

func iptablesCommand(all []opened) string {
	return eachProto(all, func(proto, ports string) string {
		return fmt.Sprintf("%siptables -I INPUT -p %s -m multiport --dports %s -j ACCEPT", sudo(), proto, ports)
	})
}

// look is the line that lets root look.
func (d *Doctor) look() string {
	return sudo() + quoteShell(d.Program) + " doctor --data " + quoteShell(d.Data)
}
