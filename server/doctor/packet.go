package doctor

import "net/netip"

// A packet is the first one of a neighbour who wants in: to a port of ours, from
// some address of our network. Rules are asked what becomes of it.
type packet struct {
	proto   string // tcp or udp
	port    uint16
	adapter string
	from    netip.Prefix // any address of it
	to      netip.Addr
}

// fate is a set of what may become of a packet.
type fate uint8

const (
	accepted fate = 1 << iota
	dropped
	onward // to the next rule
)

// answer is whether a rule is meant. Rules know more words than we do, so some
// get a perhaps.
type answer uint8

const (
	no answer = iota
	perhaps
	yes
)

// both is the answer of a rule with two conditions.
func (a answer) both(b answer) answer { return min(a, b) }

func yesIf(b bool) answer {
	if b {
		return yes
	}
	return no
}

func (a answer) not() answer { return yes - a }

// rule is one rule, judged for one packet already.
type rule struct {
	meant answer
	fate  fate   // of what it is meant for
	jump  string // a chain that decides instead
	last  bool   // goto or return: the rules below it are not asked
}

type chain struct {
	rules  []rule
	policy fate // of base chains; onward, to the caller, for the others
}

const maxSteps = 10_000 // rules walked for one packet; firewalld's are 40

// walk follows the packet through the chain called name.
func walk(chains map[string]*chain, name string) fate {
	steps := maxSteps
	return walkFrom(chains, name, &steps)
}

func walkFrom(chains map[string]*chain, name string, steps *int) fate {
	c := chains[name]
	if c == nil {
		return accepted | dropped | onward
	}
	var may fate
	for _, r := range c.rules {
		if *steps--; *steps < 0 {
			return accepted | dropped
		}
		if r.meant == no {
			continue
		}
		to := r.fate
		if r.jump != "" {
			to = walkFrom(chains, r.jump, steps)
		}
		if r.last && to&onward != 0 {
			to = to&^onward | c.policy
			if may |= to; r.meant == yes {
				return may
			}
			continue
		}
		may |= to &^ onward
		if r.meant == yes && to&onward == 0 {
			return may
		}
	}
	return may | c.policy
}

// opening is what all rules together do with a packet.
type opening uint8

const (
	open opening = iota
	unsure
	shut
)

// openingOf judges by the fates in the chains that a packet passes one after the
// other: one that surely drops is enough.
func openingOf(fates ...fate) opening {
	all := open
	for _, f := range fates {
		switch {
		case f == dropped:
			return shut
		case f != accepted && f != onward:
			all = unsure
		}
	}
	return all
}
