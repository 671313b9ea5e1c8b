package doctor

import (
	"encoding/json"
	"net/netip"
	"strings"
)

// nftables are the rules of `nft -j list ruleset` (libnftables-json(5)), as far
// as they concern what comes in.
type nftables struct {
	Nftables []struct {
		Chain *nftChain `json:"chain"`
		Rule  *nftRule  `json:"rule"`
		Set   *nftSet   `json:"set"`
	} `json:"nftables"`
}

type nftChain struct{ Family, Table, Name, Type, Hook, Policy string }

type nftRule struct {
	Family, Table, Chain string
	Expr                 []map[string]json.RawMessage
}

type nftSet struct {
	Family, Table, Name string
	Elem                []json.RawMessage
}

// shutter is the chain that keeps a packet out.
type shutter struct{ family, table, chain string }

// nftOpening says what becomes of p, and which chain surely drops it. Tables
// with expressions of iptables are left out: nft cannot show what these mean,
// iptables -S can.
func nftOpening(ruleset string, p packet) (opening, shutter, error) {
	var all nftables
	if err := json.Unmarshal([]byte(ruleset), &all); err != nil {
		return unsure, shutter{}, err
	}
	sets, foreign := map[string][]json.RawMessage{}, map[string]bool{}
	for _, o := range all.Nftables {
		if o.Set != nil {
			sets[o.Set.Family+" "+o.Set.Table+" @"+o.Set.Name] = o.Set.Elem
		}
		if o.Rule != nil && o.Rule.foreign() {
			foreign[o.Rule.Family+" "+o.Rule.Table] = true
		}
	}
	tables, bases := map[string]map[string]*chain{}, []nftChain{}
	for _, o := range all.Nftables {
		switch {
		case o.Chain != nil:
			at := o.Chain.Family + " " + o.Chain.Table
			if tables[at] == nil {
				tables[at] = map[string]*chain{}
			}
			tables[at][o.Chain.Name] = &chain{policy: nftPolicy(o.Chain.Policy)}
			if o.Chain.Hook == "input" && !foreign[at] && o.Chain.concerns(p) {
				bases = append(bases, *o.Chain)
			}
		case o.Rule != nil:
			at := o.Rule.Family + " " + o.Rule.Table
			if c := tables[at][o.Rule.Chain]; c != nil {
				c.rules = append(c.rules, o.Rule.judge(p, sets))
			}
		}
	}
	var fates []fate
	var shuts shutter
	for _, b := range bases {
		f := walk(tables[b.Family+" "+b.Table], b.Name)
		if f == dropped {
			shuts = shutter{b.Family, b.Table, b.Name}
		}
		fates = append(fates, f)
	}
	return openingOf(fates...), shuts, nil
}

func nftPolicy(p string) fate {
	switch p {
	case "accept":
		return accepted
	case "drop":
		return dropped
	}
	return onward
}

// concerns reports whether packets of p's family pass the chain.
func (c *nftChain) concerns(p packet) bool {
	switch c.Family {
	case "inet":
		return true
	case "ip":
		return p.to.Is4()
	case "ip6":
		return p.to.Is6()
	}
	return false // arp, bridge, netdev
}

// foreign reports whether iptables wrote the rule in words of its own.
func (r *nftRule) foreign() bool {
	for _, e := range r.Expr {
		if _, ok := e["xt"]; ok {
			return true
		}
	}
	return false
}

func (r *nftRule) judge(p packet, sets map[string][]json.RawMessage) rule {
	out := rule{meant: yes, fate: onward}
	for _, e := range r.Expr {
		for word, raw := range e {
			switch word {
			case "match":
				out.meant = out.meant.both(judgeMatch(raw, p, func(name string) []json.RawMessage {
					return sets[r.Family+" "+r.Table+" "+name]
				}))
			case "accept":
				out.fate = accepted
			case "drop", "reject":
				out.fate = dropped
			case "jump", "goto":
				var to struct{ Target string }
				json.Unmarshal(raw, &to) // without a target it leads nowhere, which is unsure
				out.jump, out.last = to.Target, word == "goto"
			case "return":
				out.last = true
			case "counter", "log", "comment", "mangle", "notrack":
			default: // limit, vmap, queue, …: it may decide or not
				out.meant, out.fate = out.meant.both(perhaps), out.fate|accepted|dropped
			}
		}
	}
	return out
}

type nftMatch struct {
	Op   string
	Left struct {
		Meta    *struct{ Key string }
		Payload *struct{ Protocol, Field string }
		Ct      *struct{ Key string }
		Fib     *struct{ Result string }
	}
	Right json.RawMessage
}

// judgeMatch asks one condition of the packet.
func judgeMatch(raw json.RawMessage, p packet, set func(string) []json.RawMessage) answer {
	var m nftMatch
	if json.Unmarshal(raw, &m) != nil {
		return perhaps
	}
	var a answer
	switch l := m.Left; {
	case l.Ct != nil && l.Ct.Key == "state":
		a = among(m.Right, nil, func(s string) answer { return yesIf(s == "new") })
	case l.Ct != nil && l.Ct.Key == "status":
		a = no // dnat, snat: of connections that were passed on
	case l.Meta != nil:
		a = judgeMeta(l.Meta.Key, m.Right, p, set)
	case l.Payload != nil:
		a = judgePayload(l.Payload.Protocol, l.Payload.Field, m.Right, p, set)
	case l.Fib != nil && l.Fib.Result == "type":
		a = among(m.Right, nil, func(s string) answer { return yesIf(s == addressType(p.to)) })
	default:
		return perhaps
	}
	if m.Op == "!=" {
		return a.not()
	}
	return a
}

func addressType(a netip.Addr) string {
	if a.IsMulticast() {
		return "multicast"
	}
	return "local"
}

func judgeMeta(key string, right json.RawMessage, p packet, set func(string) []json.RawMessage) answer {
	switch key {
	case "iif", "iifname":
		return among(right, set, func(s string) answer { return sameAdapter(s, p.adapter, "*") })
	case "l4proto":
		return among(right, set, func(s string) answer { return yesIf(s == p.proto) })
	case "nfproto":
		return among(right, set, func(s string) answer { return yesIf((s == "ipv6") == p.to.Is6()) })
	case "pkttype":
		return among(right, set, func(s string) answer { return yesIf((s == "multicast") == p.to.IsMulticast()) })
	}
	return perhaps
}

func judgePayload(proto, field string, right json.RawMessage, p packet, set func(string) []json.RawMessage) answer {
	switch {
	case (proto == "tcp" || proto == "udp") && proto != p.proto:
		return no
	case (proto == p.proto || proto == "th") && field == "dport":
		return amongPorts(right, set, p.port)
	case proto == "icmp" || proto == "icmpv6":
		return no
	case proto == "ip" && p.to.Is6(), proto == "ip6" && p.to.Is4():
		return no
	case (proto == "ip" || proto == "ip6") && (field == "protocol" || field == "nexthdr"):
		return among(right, set, func(s string) answer { return yesIf(s == p.proto) })
	case (proto == "ip" || proto == "ip6") && field == "saddr":
		return amongPrefixes(right, set, func(q netip.Prefix) answer { return fromPrefix(q, p.from) })
	case (proto == "ip" || proto == "ip6") && field == "daddr":
		return amongPrefixes(right, set, func(q netip.Prefix) answer { return yesIf(q.Contains(p.to)) })
	}
	return perhaps // source ports and header bits
}

// fromPrefix is whether a packet from some address of lan comes from q.
func fromPrefix(q, lan netip.Prefix) answer {
	switch {
	case !lan.IsValid() || !q.Overlaps(lan):
		return no
	case q.Bits() <= lan.Bits():
		return yes
	}
	return perhaps
}

// sameAdapter compares with a name that may end in the system's wild card.
func sameAdapter(rule, adapter, wild string) answer {
	if prefix, ok := strings.CutSuffix(rule, wild); ok {
		return yesIf(strings.HasPrefix(adapter, prefix))
	}
	return yesIf(rule == adapter)
}
