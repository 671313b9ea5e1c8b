package doctor

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
)

// The right side of a condition is one value, a list, a {"set": list} or the
// name of a set, "@lan"; its members are words, numbers, ranges and prefixes.

// members takes the right side apart.
func members(right json.RawMessage, set func(string) []json.RawMessage) []json.RawMessage {
	var name string
	if json.Unmarshal(right, &name) == nil && len(name) > 0 && name[0] == '@' && set != nil {
		return set(name)
	}
	var list []json.RawMessage
	if json.Unmarshal(right, &list) == nil {
		return list
	}
	var anonymous struct{ Set []json.RawMessage }
	if json.Unmarshal(right, &anonymous) == nil && anonymous.Set != nil {
		return anonymous.Set
	}
	return []json.RawMessage{right}
}

// anyOf is yes when one member is, and perhaps when one may be.
func anyOf(right json.RawMessage, set func(string) []json.RawMessage, is func(json.RawMessage) answer) answer {
	best := no
	for _, m := range members(right, set) {
		best = max(best, is(m))
	}
	return best
}

func among(right json.RawMessage, set func(string) []json.RawMessage, is func(string) answer) answer {
	return anyOf(right, set, func(m json.RawMessage) answer {
		var s string
		if json.Unmarshal(m, &s) != nil {
			return perhaps
		}
		return is(s)
	})
}

func amongPorts(right json.RawMessage, set func(string) []json.RawMessage, port uint16) answer {
	return anyOf(right, set, func(m json.RawMessage) answer {
		var one int
		if json.Unmarshal(m, &one) == nil {
			return yesIf(one == int(port))
		}
		var r struct{ Range [2]int }
		if json.Unmarshal(m, &r) == nil && r.Range != [2]int{} {
			return yesIf(r.Range[0] <= int(port) && int(port) <= r.Range[1])
		}
		var name string // a word of /etc/services; ours have none in nft's own list
		if json.Unmarshal(m, &name) == nil {
			n, err := strconv.Atoi(name)
			return yesIf(err == nil && n == int(port) || name == "mdns" && port == 5353)
		}
		return perhaps
	})
}

func amongPrefixes(right json.RawMessage, set func(string) []json.RawMessage, is func(netip.Prefix) answer) answer {
	return anyOf(right, set, func(m json.RawMessage) answer {
		q, ok := prefixOf(m)
		if !ok {
			return perhaps
		}
		return is(q)
	})
}

func prefixOf(m json.RawMessage) (netip.Prefix, bool) {
	var s string
	if json.Unmarshal(m, &s) == nil {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}, false
		}
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	var o struct {
		Prefix struct {
			Addr string
			Len  int
		}
	}
	if json.Unmarshal(m, &o) != nil {
		return netip.Prefix{}, false
	}
	q, err := netip.ParsePrefix(fmt.Sprintf("%s/%d", o.Prefix.Addr, o.Prefix.Len))
	return q, err == nil
}
