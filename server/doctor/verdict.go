package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// State is how a check ended.
type State string

// From good to bad, and what could not be seen.
const (
	OK      State = "ok"
	Unknown State = "unknown"
	Warn    State = "warn"
	Fail    State = "fail"
)

// Verdict is what one check found: one sentence, and one thing to do about it.
type Verdict struct {
	ID    string `json:"id" doc:"Stable name of the check"`
	Title string `json:"title"`
	State State  `json:"state" enum:"ok,warn,fail,unknown"`
	Says  string `json:"says" doc:"One sentence"`
	Do    string `json:"do,omitempty" doc:"What to do about it"`
	Line  string `json:"line,omitempty" doc:"The exact line to type for that"`
}

// Report is one examination. Immutable.
type Report struct {
	At       time.Time `json:"at"`
	State    State     `json:"state" enum:"ok,warn,fail,unknown" doc:"The worst of the verdicts, where unknown is better than warn"`
	Says     string    `json:"says" doc:"The whole in one line"`
	Verdicts []Verdict `json:"verdicts" nullable:"false"`
	Text     string    `json:"text" doc:"All of it as plain text, to be sent to whoever helps"`
	Version  string    `json:"version"`
	OS       string    `json:"os"`
}

// badness orders the states.
var badness = []State{OK, Unknown, Warn, Fail}

func newReport(at time.Time, version, os string, verdicts []Verdict) Report {
	r := Report{At: at.UTC().Truncate(time.Second), Verdicts: verdicts, State: OK, Version: version, OS: os}
	var worst Verdict
	for _, v := range verdicts {
		if slices.Index(badness, v.State) > slices.Index(badness, r.State) {
			r.State, worst = v.State, v
		}
	}
	r.Says = headline(r.State, worst)
	if r.State == Unknown && r.proved() {
		r.Says = "Others can reach you: a phone just did."
	}
	r.Text = r.text()
	return r
}

// proved reports whether a phone came all the way.
func (r Report) proved() bool {
	return slices.ContainsFunc(r.Verdicts, func(v Verdict) bool { return v.ID == phoneID && v.State == OK })
}

func headline(s State, worst Verdict) string {
	switch s {
	case Fail:
		return "Others cannot reach you yet. " + worst.Says
	case Warn:
		return "Others may not reach you. " + worst.Says
	case Unknown:
		return "Nothing found in the way. A phone would prove it."
	}
	return "Others can reach you."
}

// Bad reports whether something was found that a person should see to.
func (r Report) Bad() bool { return r.State == Fail || r.State == Warn }

// With returns r with v in the place of the verdict of the same check.
func (r Report) With(v Verdict) Report {
	all := slices.Clone(r.Verdicts)
	if i := slices.IndexFunc(all, func(o Verdict) bool { return o.ID == v.ID }); i >= 0 {
		all[i] = v
	}
	return newReport(r.At, r.Version, r.OS, all)
}

// text is r for a forum or a friend. Verdicts hold no keys, codes or tokens, so
// it holds none either.
func (r Report) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "echo.tv %s on %s, %s\n%s\n", r.Version, r.OS, r.At.Format(time.RFC3339), r.Says)
	for _, v := range r.Verdicts {
		fmt.Fprintf(&b, "\n[%s] %s: %s\n", v.State, v.Title, v.Says)
		if v.Do != "" {
			fmt.Fprintf(&b, "    %s\n", v.Do)
		}
		if v.Line != "" {
			fmt.Fprintf(&b, "    %s\n", v.Line)
		}
	}
	return b.String()
}
