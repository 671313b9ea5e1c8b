package httpapi

import (
	"errors"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"echo.tv/server/crowd"
	"echo.tv/server/tv"
)

// The limits of the door. A LAN has a few hundred machines at most; these are
// what one hostile machine must not exceed, with room for a busy evening.
const (
	maxBody         = 64 << 10 // bytes: the largest form here is a password of 256
	maxHeader       = 32 << 10 // bytes
	maxConns        = 4096
	maxConnsPerIP   = 256 // a browser holds at most ~8; a class room behind one NAT holds ~30 of them
	headerTimeout   = 5 * time.Second
	requestTimeout  = 15 * time.Second
	mediaTimeout    = 60 * time.Second // a blocking reload is held ≤ 3 target durations
	responseTimeout = 60 * time.Second // an 8 s segment of 6 Mbit/s at 0.8 Mbit/s
	idleTimeout     = 60 * time.Second
)

// NewServer returns the http.Server for h with every timeout and limit set; its
// own complaints (broken handshakes, hostile headers) go to log at debug level,
// since strangers cause them at will. Shutdown does not end WebSockets: the
// context given to API.Run does.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      responseTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// door stands in front of every handler: API, media, and interface. It reads
// and refuses; it knows no account and no channel.
type door struct {
	log        *slog.Logger
	names      map[string]bool // host names and addresses that are ours, lower case
	sameOrigin *http.CrossOriginProtection
	panics     atomic.Uint64
}

func newDoor(log *slog.Logger, extra []string) *door {
	d := &door{log: log, names: map[string]bool{"localhost": true}, sameOrigin: http.NewCrossOriginProtection()}
	if machine, err := os.Hostname(); err == nil && machine != "" {
		machine = strings.ToLower(machine)
		short, _, _ := strings.Cut(machine, ".")
		d.names[machine], d.names[short], d.names[short+".local"] = true, true, true
	}
	for _, name := range extra {
		d.names[strings.ToLower(name)] = true
	}
	d.sameOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, tv.Errorf(tv.Forbidden, "another site asked for this").Hint("open echo.tv itself and try there"))
	}))
	return d
}

// guard returns next behind the whole door. The order matters: nothing is
// answered, not even an error with words, before the Host is known to be ours.
func (d *door) guard(next http.Handler) http.Handler {
	return d.recovering(d.ourHost(withHeaders(d.sameOrigin.Handler(jsonOnly(limited(next))))))
}

// recovering ends the request, not the program, when a handler panics. The
// count is a fault of ours each time; tests want it to be 0.
func (d *door) recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &answer{ResponseWriter: w}
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler { // a handler's way to say: hang up
				panic(v)
			}
			d.panics.Add(1)
			d.log.Error("handler panicked", "method", r.Method, "route", r.Pattern, "panic", v, "stack", string(debug.Stack()))
			if a.started {
				panic(http.ErrAbortHandler) // half an answer must not look whole
			}
			writeProblem(w, tv.Errorf(tv.Internal, "panic"))
		}()
		next.ServeHTTP(a, r)
	})
}

// survive is deferred by goroutines that a handler starts: an unrecovered panic
// in any of them would end the program.
func (d *door) survive(what string) {
	if v := recover(); v != nil {
		d.panics.Add(1)
		d.log.Error("goroutine panicked", "what", what, "panic", v, "stack", string(debug.Stack()))
	}
}

// answer remembers whether anything was sent. Deadlines, flushes and upgrades
// find the real writer through Unwrap.
type answer struct {
	http.ResponseWriter
	started bool
}

func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) WriteHeader(status int) {
	a.started = true
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	a.started = true
	return a.ResponseWriter.Write(b)
}

// ReadFrom keeps io.Copy to the network inside net/http.
func (a *answer) ReadFrom(r io.Reader) (int64, error) {
	a.started = true
	return io.Copy(a.ResponseWriter, r)
}

func (a *answer) Flush() {
	a.started = true
	http.NewResponseController(a.ResponseWriter).Flush()
}

// ourHost answers 421, and nothing else, to a request that was not meant for
// this machine. A page that rebinds its own name to our address passes every
// same-origin rule of the browser; only its Host gives it away.
func (d *door) ourHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		if !d.isOurs(r.Host, local) {
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (d *door) isOurs(hostport string, local net.Addr) bool {
	host, ok := hostOf(hostport)
	if !ok {
		return false
	}
	if d.names[strings.ToLower(host)] {
		return true
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Zone() != "" { // a zone is free text, and Host goes into a header below
		return false
	}
	return ip.IsLoopback() || ip.Unmap() == addrOf(local)
}

// hostOf splits the port off. net.SplitHostPort alone takes
// "127.0.0.1:5175.evil.example" for the host 127.0.0.1, so the port is read too.
func hostOf(hostport string) (host string, ok bool) {
	host, port, err := net.SplitHostPort(hostport)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
		return host, err == nil && host != ""
	}
	if inner, ok := strings.CutPrefix(hostport, "["); ok {
		return strings.CutSuffix(inner, "]")
	}
	return hostport, hostport != "" && !strings.Contains(hostport, ":")
}

// addrOf returns the IP of a TCP address without zone or v4-in-v6 form, or the
// zero Addr.
func addrOf(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// withHeaders says on every answer what a browser may do with it. There is no
// Access-Control header here: media sets its own, nothing else has any.
func withHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "+
			"img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self' blob:; "+
			"connect-src 'self' ws://"+r.Host+" wss://"+r.Host+"; frame-src 'none'; object-src 'none'; base-uri 'none'; "+
			"form-action 'self'; frame-ancestors 'none'") // ws and wss: older WebKit does not count them as 'self'
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		if strings.HasPrefix(r.URL.Path, "/api/") {
			h.Set("Cache-Control", "no-store")
		}
		next.ServeHTTP(w, r)
	})
}

// jsonOnly refuses a change that is not JSON: a form on another site cannot
// send that type without asking first, and we never answer such a question.
func jsonOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet, http.MethodHead, http.MethodOptions:
		default:
			bare := r.Method == http.MethodDelete && r.ContentLength == 0 && r.Header.Get("Content-Type") == ""
			kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
			if !bare && (err != nil || kind != "application/json") {
				writeProblemStatus(w, http.StatusUnsupportedMediaType,
					tv.Errorf(tv.Invalid, "this takes JSON only").Hint("send Content-Type: application/json"))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// limited cuts bodies off, and gives media requests the time that a blocking
// playlist reload needs.
func limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > maxBody {
			writeProblemStatus(w, http.StatusRequestEntityTooLarge, tv.Errorf(tv.Invalid, "that is more than %d bytes", maxBody))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if strings.HasPrefix(r.URL.Path, mediaPath) {
			// Past ReadTimeout net/http takes the waiting client for gone.
			http.NewResponseController(w).SetReadDeadline(time.Now().Add(mediaTimeout))
		}
		next.ServeHTTP(w, r)
	})
}

// Listener returns l with at most 4096 connections open, and at most 256 from
// one address. One more is closed at once: a client that waits for its turn
// would hold a descriptor as well.
func Listener(l net.Listener) net.Listener {
	return &limitedListener{l, crowd.New(maxConns, maxConnsPerIP)}
}

type limitedListener struct {
	net.Listener
	crowd *crowd.Crowd
}

func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		ip := addrOf(c.RemoteAddr())
		if l.crowd.Enter(ip) == nil {
			return &limitedConn{Conn: c, leave: sync.OnceFunc(func() { l.crowd.Leave(ip) })}, nil
		}
		c.Close()
	}
}

type limitedConn struct {
	net.Conn
	leave func()
}

// NetConn returns the connection itself, which alone can write many buffers with
// one system call. Close the limitedConn, not it.
func (c *limitedConn) NetConn() net.Conn { return c.Conn }

func (c *limitedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// CloseWrite lets net/http hang up on who still sends, and be heard: closed at
// once, the kernel throws the answer away with what is unread.
func (c *limitedConn) CloseWrite() error { return closeWrite(c.Conn) }

func closeWrite(c net.Conn) error {
	if c, ok := c.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}
