// Package doctor answers one question: can others reach me? It owns the checks
// of this machine (ports, adapters, firewall, multicast), the check with a
// phone, and the words for what they find. It changes nothing: every command it
// runs only reads, and what would change something is printed, to be typed by a
// person.
//
// A check is one file and one function from a context to a Verdict: one
// sentence, one action. What a check cannot see it calls unknown; it never
// guesses that all is well. Commands of the system come in by Commands and
// files by an fs.FS, so every system's answers can be staged.
//
// # Under load
//
// One examination runs at a time and others wait for their turn; inside, all
// checks run at once, each command is given three seconds and a megabyte, and
// so an examination ends. The network is asked two things, one multicast
// question per adapter and one connection per other host. Phone checks are few,
// short-lived and counted; see Visits.
package doctor

import (
	"context"
	"io/fs"
	"net"
	"net/netip"
	"sync"
	"time"

	"echo.tv/server/lan"
)

// Config is what a Doctor looks at.
type Config struct {
	OS       string // as runtime.GOOS has it
	Version  string
	Program  string // the path of this program, as firewalls of programs know it
	Data     string // the data folder, for the line that lets root look
	Commands Commands
	Files    fs.FS // of the system, from its root

	Network   func() lan.Network
	Listeners func() []Listener
	Others    func() []Other // the hosts that were found; nil when nobody looks for any
	// Dial connects to Others.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Address is the best one for browsers, such as http://192.168.1.20:5175; nil where no phone can come.
	Address func() string
}

// Listener is one port by which others come in.
type Listener struct {
	ID   string // http, rtmp, rtsp
	Who  string // who comes in: browsers, OBS
	Flag string // that changes the port
	Want string // host:port as asked for
	On   string // host:port that is open; empty when it is not
}

// Other is another host on the network, and where it says it is reached.
type Other struct {
	Name string
	Addr netip.AddrPort
}

// Check looks at one thing. It returns when ctx ends at the latest.
type Check func(ctx context.Context) Verdict

const atOnce = 4 // checks that run side by side; each starts at most one command at a time

// Doctor examines one machine. Safe for concurrent use.
type Doctor struct {
	Config
	Visits *Visits // nil where no phone can come

	turn chan struct{} // holds a token while an examination runs
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	hear func(ctx context.Context, a lan.Address) (heard, error)
}

// New returns a doctor for what cfg describes.
func New(cfg Config) *Doctor {
	d := &Doctor{Config: cfg, turn: make(chan struct{}, 1), dial: new(net.Dialer).DialContext, hear: hearMulticast}
	if cfg.Address != nil {
		d.Visits = newVisits(cfg.Address, d.ours, d.back)
	}
	return d
}

// checks is the table, in the order in which a person would look.
func (d *Doctor) checks() []Check {
	var all []Check
	for _, l := range d.Listeners() {
		all = append(all, func(ctx context.Context) Verdict { return d.port(ctx, l) })
	}
	all = append(all, d.network, d.adapters, d.firewall, d.multicast)
	if d.Others != nil {
		all = append(all, d.others)
	}
	if d.Visits != nil {
		all = append(all, d.phone)
	}
	return all
}

// Examine runs every check and reports in the order of the table. When ctx ends
// first, what was not seen by then is unknown.
func (d *Doctor) Examine(ctx context.Context) Report {
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
	}
	checks := d.checks()
	found := make([]Verdict, len(checks))
	free := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i, check := range checks {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			found[i] = check(ctx)
		})
	}
	wg.Wait()
	return newReport(time.Now(), d.Version, d.OS, found)
}

// Firewall is the one check that root sees more of.
func (d *Doctor) Firewall(ctx context.Context) Verdict { return d.firewall(ctx) }
