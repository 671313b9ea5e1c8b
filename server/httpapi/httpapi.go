// Package httpapi is the HTTP face of a host: the typed API under /api, the
// event socket, the embedded interface, and the front door before them and
// before the media. It owns cookies, error answers and limits of HTTP; it
// decides nothing: account says who may do what, live what is on air, guide
// what the public sees of both.
//
// Under load every answer is made of one snapshot or one transaction and no
// handler waits for another. The event list is encoded once per change, at most
// four times a second, however many listen; a slow listener skips to the newest
// list. Whoever exceeds a limit is refused at once; nothing queues here.
//
// routes.go is the table of contents.
package httpapi

import (
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"echo.tv/server/account"
	"echo.tv/server/coach"
	"echo.tv/server/doctor"
	"echo.tv/server/guide"
	"echo.tv/server/history"
	"echo.tv/server/live"
	"echo.tv/server/logs"
	"echo.tv/server/stat"
)

// Config is what an API is made of. Everything is needed unless it says so.
type Config struct {
	Log       *slog.Logger
	Accounts  *account.Accounts
	Hub       *live.Hub
	Guide     *guide.Guide
	Coach     *coach.Coach
	History   *history.History
	Records   *logs.Ring // what the log page shows
	Doctor    *doctor.Doctor
	TestCards TestCards
	TestClip  []byte       // the test picture as MP4
	UI        fs.FS        // index.html at its root; nil or without it: a page that says so
	Media     http.Handler // serves /hls/ and sets its own CORS and cache headers
	Push      http.Handler // upgrades /push, and checks the origin itself; nil for none
	Peers     Peers
	Addresses func() Addresses
	Moved     func() <-chan struct{} // closed when Addresses will say something else
	Version   string
	Stat      *stat.Stat
	Metrics   http.Handler    // for Prometheus; who may ask is decided here
	Faults    func() []string // what does not work, in words

	Names        []string // further host names or addresses, without port, that the Host header may carry
	MetricsToken string   // for a Prometheus on another machine; empty: none gets in
	ControlToken string   // for the commands of the machine itself; empty: none work
	DesktopToken string   // for the window; empty: it can open nothing
	Desktop      Desktop  // nil when there is no window
}

// Desktop is the window, if there is one. Both methods return at once and may
// be called from any goroutine.
type Desktop interface {
	OpenURL(url string) error // in the system's browser; url is http or https
	Show()                    // bring the window to the front
}

// API serves everything this host says by HTTP. It is safe for concurrent use.
type API struct {
	Config
	cookie  string // the session cookie's name
	door    *door
	feed    *feed
	spec    *huma.OpenAPI
	handler http.Handler
}

// New returns the API. Its event sockets tell nothing before Run.
func New(cfg Config) (*API, error) {
	pages, err := newPages(cfg.UI)
	if err != nil {
		return nil, err
	}
	a := &API{Config: cfg, cookie: cookieName(cfg.Accounts.InstallID()), door: newDoor(cfg.Log, cfg.Names), feed: newFeed()}
	a.handler = a.door.guard(a.identify(a.untilOwned(a.routes(pages))))
	return a, nil
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// Recovered returns how many handlers have panicked; each one is our fault.
func (a *API) Recovered() uint64 { return a.door.panics.Load() }

// Run feeds the event sockets until ctx ends, then closes them and returns when
// the last one is gone.
func (a *API) Run(ctx context.Context) error {
	var telling sync.WaitGroup
	telling.Go(func() { a.tellAddresses(ctx) })
	defer telling.Wait()
	return a.feed.run(ctx, a.Log, a.Guide)
}
