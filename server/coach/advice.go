package coach

import (
	"cmp"
	"slices"
)

// Severity says how much an advice matters.
type Severity string

// Info: could be better. Warn: viewers notice. Bad: some see nothing.
const (
	Info Severity = "info"
	Warn Severity = "warn"
	Bad  Severity = "bad"
)

var weight = map[Severity]int{Bad: 0, Warn: 1, Info: 2}

// Advice is one thing to change.
type Advice struct {
	ID       string
	Severity Severity
	Text     string // one sentence with what is and what is wanted
	Fix      string // where to change it in OBS
}

// standing is what became of one rule: samples in a row that it held and that it
// did not, and what is told of it.
type standing struct {
	held, over int
	told       bool
	advice     Advice
}

// ask lets the rule look. Once told it says with its second threshold when it
// is over, and the words follow the figures meanwhile.
func (s *standing) ask(r *rule, v view) {
	say, holds := r.look(v, s.told)
	if !holds {
		s.held = 0
		if s.over++; s.over >= r.over {
			s.told = false
		}
		return
	}
	s.over = 0
	if s.held++; s.held >= r.after {
		s.told = true
	}
	s.advice = Advice{ID: r.id, Severity: say.how, Text: say.text, Fix: say.fix}
}

// advice returns what is told, the worst first.
func (d *desk) advice() (all []Advice) {
	for _, s := range d.told {
		if s.told {
			all = append(all, s.advice)
		}
	}
	slices.SortStableFunc(all, func(a, b Advice) int { return cmp.Compare(weight[a.Severity], weight[b.Severity]) })
	return all
}
