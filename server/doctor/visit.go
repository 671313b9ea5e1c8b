package doctor

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// The steps of a phone check, in the order in which the phone takes them.
const (
	StepPage   = "page"   // it opened the page that the code leads to
	StepSocket = "socket" // it spoke with this host over a WebSocket
	StepPlays  = "plays"  // it showed some seconds of the test stream
)

var stepIDs = []string{StepPage, StepSocket, StepPlays}

var stepTitles = map[string]string{StepPage: "Page reached", StepSocket: "WebSocket", StepPlays: "Plays the test stream"}

// Told is what the phone says of one step. Why is one of a few words, so that
// nothing a stranger writes is ever shown.
type Told struct {
	Step string `json:"step" enum:"page,socket,plays"`
	OK   bool   `json:"ok"`
	Why  string `json:"why,omitempty" enum:",closed,silent,format,slow,missing,refused" doc:"When it failed"`
	MS   int    `json:"ms,omitempty" minimum:"0" maximum:"600000" doc:"How long it took, in milliseconds"`
}

// Step is one step as the host's screen shows it.
type Step struct {
	ID    string `json:"id" enum:"page,socket,plays,back"`
	Title string `json:"title"`
	State string `json:"state" enum:"waiting,ok,fail"`
	Says  string `json:"says,omitempty"`
}

// Visit is one phone check at one moment. Immutable.
type Visit struct {
	Code    string    `json:"code"`
	URL     string    `json:"url" doc:"What the QR code says"`
	Expires time.Time `json:"expires"`
	State   State     `json:"state" enum:"ok,warn,fail,unknown" doc:"unknown: not over yet"`
	Device  string    `json:"device,omitempty" doc:"The phone's address"`
	Steps   []Step    `json:"steps" nullable:"false"`
	Back    Step      `json:"back" doc:"The way from this computer to the phone"`
	Says    string    `json:"says" doc:"Where it stands, or what is in the way"`
	Do      string    `json:"do,omitempty"`
}

const (
	visitLife   = 10 * time.Minute // long enough to find the phone and its password
	noPageAfter = 25 * time.Second // a phone in the hand opens a scanned page in ten
	quietAfter  = 15 * time.Second // each step takes at most that
)

// visit is one phone check as it goes. Its owner guards it.
type visit struct {
	code, url string
	base      string // of url; proof of another address is none
	began     time.Time
	device    netip.Addr
	self      bool // it came from this computer
	told      map[string]Told
	count     int
	lastTold  time.Time
	back      Step
	probed    bool
}

func (v *visit) expires() time.Time { return v.began.Add(visitLife) }

// passed reports whether every step went well.
func (v *visit) passed() bool {
	return !slices.ContainsFunc(stepIDs, func(id string) bool { return !v.told[id].OK })
}

// view is how v stands at the time now.
func (v *visit) view(now time.Time) Visit {
	out := Visit{Code: v.code, URL: v.url, Expires: v.expires().UTC().Truncate(time.Second), State: Unknown, Back: v.back}
	if v.device.IsValid() {
		out.Device = v.device.String()
	}
	for _, id := range stepIDs {
		out.Steps = append(out.Steps, v.step(id))
	}
	out.State, out.Says, out.Do = v.stand(now)
	return out
}

func (v *visit) step(id string) Step {
	s := Step{ID: id, Title: stepTitles[id], State: "waiting"}
	t, ok := v.told[id]
	switch {
	case !ok:
	case t.OK:
		s.State = "ok"
		if t.MS > 0 {
			s.Says = fmt.Sprintf("after %.1f s", float64(t.MS)/1000)
		}
		if id == StepSocket {
			s.Says = fmt.Sprintf("%d ms there and back", t.MS)
		}
	default:
		s.State = "fail"
		s.Says = whys[id+" "+t.Why].says
	}
	return s
}

// why is what a failed step means, and what to do.
type why struct{ says, do string }

var whys = map[string]why{
	"socket closed": {"The phone reaches the page, but its WebSocket is closed on the way.", "Switch off VPN, data saver or ad blocker on the phone, then scan again."},
	"socket silent": {"The phone reaches the page, but nothing comes back over its WebSocket.", "Switch off VPN, data saver or ad blocker on the phone, then scan again."},
	"plays format":  {"The phone's browser cannot play H.264.", "Try another browser on the phone."},
	"plays slow":    {"The test stream arrives slower than it plays: the Wi-Fi between phone and router is weak.", "Go closer to the router, or put this computer on a cable."},
	"plays missing": {"The test stream did not load.", "Update echo.tv on this computer; this page is older or newer than it."},
	"plays refused": {"The phone did not want to start the picture by itself.", "Switch off the phone's power saver, or press play on it."},
	"plays silent":  {"The test stream did not begin.", "Keep the page open and the phone awake, then scan again."},
}

// stand says in one line where v stands and what is in the way.
func (v *visit) stand(now time.Time) (State, string, string) {
	for _, id := range stepIDs {
		if t, ok := v.told[id]; ok && !t.OK {
			w := whys[id+" "+t.Why]
			return Fail, w.says, w.do
		}
	}
	switch {
	case v.passed() && v.self:
		return Warn, "That was this computer itself, which proves nothing about the network.", "Scan the code with a phone."
	case v.passed():
		return OK, "Others can reach you: the phone opened the page, spoke over a WebSocket and played the test stream.", ""
	case v.device.IsValid() && now.Sub(v.lastTold) > quietAfter:
		return Fail, "The phone opened the page and then went silent.", "Keep the page open and the phone awake, then scan again."
	case v.device.IsValid():
		return Unknown, "The phone is here and goes through the steps.", ""
	case now.Sub(v.began) > noPageAfter:
		return Fail, "No phone has reached this computer. When yours shows an error, the router keeps its devices apart, or a firewall here keeps it out.",
			"Leave guest Wi-Fi and mobile data, switch off client isolation (AP isolation) in the router, and see to the firewall above."
	}
	return Unknown, "Scan the code with a phone that is on the same network.", ""
}
