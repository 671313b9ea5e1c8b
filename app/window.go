//go:build desktop || dev || bindings

package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/wailsapp/wails/v2"
	desktop "github.com/wailsapp/wails/v2/pkg/runtime"

	"echo.tv/app/guard"
	"echo.tv/server/tv"
)

const hasWindow = true

type windowFlags struct {
	SafeGraphics bool `group:"server" env:"ECHOTV_SAFE_GRAPHICS" help:"Draw the window without the graphics card, when it stays blank or flickers."`
}

// maxBrowsers bounds the openers that run at once: without a desktop session
// xdg-open becomes the browser itself and stays until a person closes it.
const maxBrowsers = 8

// guardWait is how long the first page waits for the guard, which is normally
// there before the page is asked for. A window without one is better than none.
const guardWait = 5 * time.Second

// window is the desktop window, opened at most once. Its methods may be called
// from any goroutine at any time; while there is no window they say so.
type window struct {
	log      *slog.Logger
	safe     bool
	browsers chan struct{}   // holds a token for each opener at work
	ctx      context.Context // how Wails knows its window; set before up closes
	up       chan struct{}   // closed when the window is there
	gone     chan struct{}   // closed when it is not any more, or could not be made
}

func newWindow(log *slog.Logger, f windowFlags) *window {
	return &window{log: log, safe: f.SafeGraphics, browsers: make(chan struct{}, maxBrowsers),
		up: make(chan struct{}), gone: make(chan struct{})}
}

// open shows the window and returns when it was closed. page says where its
// product is, at each load; all of it lies at origin. It needs the main
// goroutine. errNoScreen means that there never was a window.
func (w *window) open(origin string, page func() string) error {
	return w.run(bootPage(page), guard.Policy{
		Origins: []string{guard.BootOrigin, origin},
		Open:    w.follow,
		Died:    func() { w.log.Warn("the page's process ended; loading it again") },
	})
}

// explain shows why there is no station, until the window is closed.
func (w *window) explain(reason error) {
	policy := guard.Policy{Origins: []string{guard.BootOrigin}, Open: w.follow, Died: func() {}}
	if err := w.run(failPage(reason), policy); err != nil {
		w.log.Debug("no window for the error either", "reason", err)
	}
}

func (w *window) run(pages http.Handler, policy guard.Policy) (err error) {
	defer close(w.gone)
	defer func() { // a display that GTK cannot use: Wails panics, on this goroutine
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: %v", errNoScreen, v)
		}
	}()
	prepareGraphics(w.safe)
	hook := guard.NewHook(policy)
	defer hook.Remove()
	return wails.Run(windowOptions(w.log, after(hook.Installed(), pages), func(ctx context.Context) {
		w.ctx = ctx
		close(w.up)
		hook.Install()
	}))
}

// after answers once ready is closed, so that the first navigation is already
// under the guard. Wails never cancels a request, hence the limit.
func after(ready <-chan struct{}, pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-ready:
		case <-time.After(guardWait):
		}
		pages.ServeHTTP(w, r)
	})
}

// OpenURL opens a web address in the system's browser. It returns before the
// browser is there.
func (w *window) OpenURL(raw string) error {
	link, err := guard.Link(raw)
	if err != nil {
		return err
	}
	if !w.isUp() {
		return tv.Errorf(tv.Unavailable, "the window is not open yet").Hint("try again in a moment")
	}
	select {
	case w.browsers <- struct{}{}:
	default:
		return tv.Errorf(tv.TooMany, "too many links are opening at once").Hint("close a browser window first")
	}
	// Nobody waits for this one: it may live as long as the browser does.
	go func() {
		defer func() { <-w.browsers }()
		desktop.BrowserOpenURL(w.ctx, link)
	}()
	return nil
}

// follow is OpenURL for a link clicked in the page, where nobody awaits an error.
func (w *window) follow(link string) {
	if err := w.OpenURL(link); err != nil {
		w.log.Info("a link was not opened", "reason", err)
	}
}

// Show brings the window to the front.
func (w *window) Show() {
	if w.isUp() {
		desktop.WindowUnminimise(w.ctx)
		desktop.WindowShow(w.ctx)
	}
}

// quit closes the window, or the one that is just coming up. Never call it
// after a signal: Wails closes the window itself then, and two at once were
// seen to crash GTK.
func (w *window) quit() {
	select {
	case <-w.up:
		desktop.Quit(w.ctx)
	case <-w.gone:
	}
}

func (w *window) isUp() bool {
	select {
	case <-w.gone:
		return false
	default:
	}
	select {
	case <-w.up:
		return true
	default:
		return false
	}
}

// bindings is the whole program under the tag bindings: `wails build` runs it
// to list what is bound to JavaScript, which is nothing.
func bindings() int {
	log := slog.New(slog.DiscardHandler)
	return exitCode(wails.Run(windowOptions(log, failPage(errors.New("bindings")), nil)))
}
