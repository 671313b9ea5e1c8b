package doctor

import (
	"net/netip"
	"strconv"
	"strings"
)

// iptablesOpening says what the output of `iptables -S` (iptables(8)) does with
// p. It reads both variants of iptables.
func iptablesOpening(rules string, p packet) opening {
	chains := map[string]*chain{}
	for line := range strings.Lines(rules) {
		w := strings.Fields(line)
		switch {
		case len(w) >= 3 && w[0] == "-P":
			chains[w[1]] = &chain{policy: iptablesFate(w[2])}
		case len(w) >= 2 && w[0] == "-N":
			chains[w[1]] = &chain{policy: onward}
		case len(w) >= 2 && w[0] == "-A" && chains[w[1]] != nil:
			c := chains[w[1]]
			c.rules = append(c.rules, judgeIptables(w[2:], p))
		}
	}
	if chains["INPUT"] == nil {
		return unsure
	}
	return openingOf(walk(chains, "INPUT"))
}

func iptablesFate(target string) fate {
	switch target {
	case "ACCEPT":
		return accepted
	case "DROP", "REJECT":
		return dropped
	}
	return onward
}

// judgeIptables asks the words of one rule. A word that is not known makes the
// rule a perhaps.
func judgeIptables(w []string, p packet) rule {
	out := rule{meant: yes, fate: onward}
	for i := 0; i < len(w); i++ {
		value := ""
		if i+1 < len(w) {
			value = w[i+1]
		}
		negated := w[i] == "!"
		if negated {
			i++
			if value = ""; i+1 < len(w) {
				value = w[i+1]
			}
			if i == len(w) {
				break
			}
		}
		var a answer
		switch w[i] {
		case "-j", "-g":
			out.target(value, w[i] == "-g")
			return out // what follows belongs to the target
		case "-p":
			a = yesIf(value == p.proto || value == "all")
		case "-i":
			a = sameAdapter(value, p.adapter, "+")
		case "-s":
			a = prefixAnswer(value, func(q netip.Prefix) answer { return fromPrefix(q, p.from) })
		case "-d":
			a = prefixAnswer(value, func(q netip.Prefix) answer { return yesIf(q.Contains(p.to)) })
		case "--dport", "--dports":
			a = portList(value, p.port)
		case "--state", "--ctstate":
			a = wordList(value, "NEW")
		case "--dst-type":
			a = wordList(value, strings.ToUpper(addressType(p.to)))
		case "--icmp-type", "--icmpv6-type":
			a = no
		case "--comment":
			i = endOfQuote(w, i+1)
			continue
		case "-m":
			i++
			continue
		default: // --limit, --sport, a set, …
			a = perhaps
			if strings.HasPrefix(value, "-") { // a word without a value
				i--
			}
		}
		i++
		if negated {
			a = a.not()
		}
		out.meant = out.meant.both(a)
	}
	return out
}

func (r *rule) target(name string, last bool) {
	switch name {
	case "ACCEPT", "DROP", "REJECT":
		r.fate = iptablesFate(name)
	case "RETURN":
		r.last = true
	case "LOG", "NFLOG", "MARK", "CONNMARK", "TRACE", "":
	default:
		r.jump, r.last = name, last
	}
}

// endOfQuote returns the index of the last word of a quoted value.
func endOfQuote(w []string, i int) int {
	if i >= len(w) || !strings.HasPrefix(w[i], `"`) {
		return i
	}
	for j := i; j < len(w); j++ {
		if strings.HasSuffix(w[j], `"`) && (j > i || len(w[j]) > 1) {
			return j
		}
	}
	return i
}

func prefixAnswer(s string, is func(netip.Prefix) answer) answer {
	q, err := netip.ParsePrefix(s)
	if err != nil {
		return perhaps
	}
	return is(q)
}

// portList understands 22,1935,5000:5200.
func portList(s string, port uint16) answer {
	for one := range strings.SplitSeq(s, ",") {
		low, high, _ := strings.Cut(one, ":")
		if high == "" {
			high = low
		}
		from, err1 := strconv.Atoi(low)
		to, err2 := strconv.Atoi(high)
		if err1 == nil && err2 == nil && from <= int(port) && int(port) <= to {
			return yes
		}
	}
	return no
}

func wordList(s, word string) answer {
	for one := range strings.SplitSeq(s, ",") {
		if one == word {
			return yes
		}
	}
	return no
}
