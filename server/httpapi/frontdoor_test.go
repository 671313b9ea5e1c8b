package httpapi

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"echo.tv/server/crowd"
)

var quiet = slog.New(slog.DiscardHandler)

// behindDoor serves h behind the door, on the wire, and returns the address.
func behindDoor(t *testing.T, d *door, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(d.guard(h), quiet)
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(Listener(l)) }()
	t.Cleanup(func() { s.Close(); <-done })
	return l.Addr().String()
}

// exchange sends raw bytes as they are, which http.Client never would, and
// returns the whole answer.
func exchange(t *testing.T, addr, raw string) (status int, whole string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	go io.WriteString(c, raw) // the server may answer and hang up before it has it all
	var said strings.Builder
	resp, err := http.ReadResponse(bufio.NewReader(io.TeeReader(c, &said)), nil)
	if err != nil {
		return 0, said.String() // hung up without a word
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, said.String()
}

const secret = "TOP-SECRET"

// inside is what must not be reached; its answer carries what must not leak.
func inside(reached *atomic.Int32) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		http.SetCookie(w, &http.Cookie{Name: "echotv_x", Value: secret})
		if _, err := io.ReadAll(r.Body); err != nil {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		fmt.Fprint(w, "inside")
	})
}

func TestTheDoorKeepsHostileRequestsOut(t *testing.T) {
	big := strings.Repeat("x", maxBody+1)
	post := func(headers, body string) string {
		return fmt.Sprintf("POST /api/session HTTP/1.1\r\nHost: $HOST\r\nContent-Length: %d\r\n%s\r\n%s", len(body), headers, body)
	}
	get := func(host string) string { return "GET /api/server HTTP/1.1\r\nHost: " + host + "\r\n\r\n" }
	js := "Content-Type: application/json\r\n"
	machine, _ := os.Hostname()
	for _, c := range []struct {
		name, raw string
		status    int
		silent    bool // not even words
	}{
		// Who is meant: a page whose name was rebound to our address has its own name in Host.
		{"our address", get("$HOST"), 200, false},
		{"our address without port", get("127.0.0.1"), 200, false},
		{"localhost", get("localhost:5175"), 200, false},
		{"LOCALHOST", get("LocalHost:5175"), 200, false},
		{"loopback by IPv6", get("[::1]:5175"), 200, false},
		{"the machine's name", get(machine + ":5175"), 200, false},
		{"the machine's name by mDNS", get(strings.SplitN(machine, ".", 2)[0] + ".local"), 200, false},
		{"a configured name", get("tv.example:80"), 200, false},
		{"a rebound name", get("evil.example:5175"), 421, true},
		{"our address in a rebound name", get("127.0.0.1.evil.example:5175"), 421, true},
		{"our address and a port that is a name", get("127.0.0.1:5175.evil.example"), 421, true},
		{"our name and a port that is a name", get("localhost:evil"), 421, true},
		{"a port too large", get("localhost:65536"), 421, true},
		{"a signed port", get("localhost:+80"), 421, true},
		{"an empty port", get("localhost:"), 421, true},
		{"an empty host", get(":5175"), 421, true},
		{"no host at all", "GET /api/server HTTP/1.0\r\n\r\n", 421, true},
		{"a subdomain of ours", get("evil.localhost"), 421, true},
		{"a trailing dot", get("localhost."), 421, true},
		{"another address of a LAN", get("192.168.1.20:5175"), 421, true},
		{"the unspecified address", get("0.0.0.0:5175"), 421, true},
		{"the unspecified address by IPv6", get("[::]:5175"), 421, true},
		{"a number that is our address", get("2130706433"), 421, true},
		{"our address in octal", get("0177.0.0.1"), 421, true},
		{"our address, short", get("127.1"), 421, true},
		{"a zone, which is free text", get("[::1%25;script-src]:80"), 421, true},
		{"a bracket left open", get("[::1"), 421, true},
		{"a name with a user", get("localhost@evil.example"), 400, true},
		{"an absolute target wins over Host", "GET http://evil.example/api/server HTTP/1.1\r\nHost: $HOST\r\n\r\n", 421, true},
		{"two hosts", "GET / HTTP/1.1\r\nHost: $HOST\r\nHost: evil.example\r\n\r\n", 400, true},
		{"a header injected by Host", "GET / HTTP/1.1\r\nHost: a\x00b\r\n\r\n", 400, true},

		// Who asks: other sites may read what is public, and change nothing.
		{"ours", post(js+"Origin: http://$HOST\r\nSec-Fetch-Site: same-origin\r\n", "{}"), 200, false},
		{"no browser", post(js, "{}"), 200, false},
		{"another site", post(js+"Sec-Fetch-Site: cross-site\r\nOrigin: http://evil.example\r\n", "{}"), 403, false},
		{"another site, old browser", post(js+"Origin: http://evil.example\r\n", "{}"), 403, false},
		{"a sandbox", post(js+"Origin: null\r\n", "{}"), 403, false},
		{"another port of this machine", post(js+"Origin: http://127.0.0.1:1\r\n", "{}"), 403, false},
		{"a site beside ours", post(js+"Sec-Fetch-Site: same-site\r\nOrigin: http://$HOST\r\n", "{}"), 403, false},
		{"no question is answered", "OPTIONS /api/session HTTP/1.1\r\nHost: $HOST\r\nOrigin: http://evil.example\r\nAccess-Control-Request-Method: POST\r\n\r\n", 200, false},

		// What is sent: what a form on another site can send is not taken.
		{"a form", post("Content-Type: application/x-www-form-urlencoded\r\n", "name=ann"), 415, false},
		{"a file form", post("Content-Type: multipart/form-data; boundary=x\r\n", "--x--"), 415, false},
		{"plain text that is JSON", post("Content-Type: text/plain\r\n", "{}"), 415, false},
		{"no type", post("", "{}"), 415, false},
		{"no type, no body", post("", ""), 415, false},
		{"JSON in a list of types", post("Content-Type: text/plain, application/json\r\n", "{}"), 415, false},
		{"JSON as a parameter", post("Content-Type: text/plain; a=application/json\r\n", "{}"), 415, false},
		{"JSON with a charset", post("Content-Type: application/json; charset=utf-8\r\n", "{}"), 200, false},
		{"an invented method", "BREW /api/session HTTP/1.1\r\nHost: $HOST\r\n\r\n", 415, false},
		{"a bare DELETE", "DELETE /api/session HTTP/1.1\r\nHost: $HOST\r\n\r\n", 200, false},
		{"a DELETE with a form", "DELETE /api/session HTTP/1.1\r\nHost: $HOST\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx", 415, false},
		{"a DELETE of unknown length", "DELETE /api/session HTTP/1.1\r\nHost: $HOST\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 415, false},
		{"a method override", post(js+"X-HTTP-Method-Override: GET\r\nSec-Fetch-Site: cross-site\r\n", "{}"), 403, false},

		// How much.
		{"a body one byte too long", post(js, big), 413, false},
		{"a body that claims to be endless", "POST / HTTP/1.1\r\nHost: $HOST\r\nContent-Length: 9223372036854775807\r\n" + js + "\r\n", 413, false},
		{"a body too long in chunks", "POST / HTTP/1.1\r\nHost: $HOST\r\n" + js + "Transfer-Encoding: chunked\r\n\r\n10001\r\n" + big + "\r\n0\r\n\r\n", 413, true},
		{"two lengths", "POST / HTTP/1.1\r\nHost: $HOST\r\n" + js + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400, true},
		{"a length and chunks", "POST / HTTP/1.1\r\nHost: $HOST\r\n" + js + "Content-Length: 99\r\nTransfer-Encoding: gzip\r\n\r\nx", 501, true},
		{"40 kB of headers", "GET / HTTP/1.1\r\nHost: $HOST\r\nX-Big: " + strings.Repeat("x", 40<<10) + "\r\n\r\n", 431, true},
		{"40 kB of address", "GET /" + strings.Repeat("x", 40<<10) + " HTTP/1.1\r\nHost: $HOST\r\n\r\n", 431, true},
		{"10,000 small headers", "GET / HTTP/1.1\r\nHost: $HOST\r\n" + strings.Repeat("a: b\r\n", 10000) + "\r\n", 431, true},
		{"not HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var reached atomic.Int32
			d := newDoor(quiet, []string{"TV.example"})
			addr := behindDoor(t, d, inside(&reached))
			status, whole := exchange(t, addr, strings.ReplaceAll(c.raw, "$HOST", addr))
			if status != c.status {
				t.Errorf("status %d, want %d:\n%s", status, c.status, whole)
			}
			head, said, _ := strings.Cut(whole, "\r\n\r\n")
			if strings.Contains(head, "Access-Control-") {
				t.Errorf("an invitation to other sites:\n%s", head)
			}
			if c.status == 200 {
				mustHave(t, whole, "inside", "X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer",
					"Cross-Origin-Opener-Policy: same-origin", "frame-ancestors 'none'", "object-src 'none'")
				return
			}
			mustNotHave(t, whole, "inside\n", "goroutine", ".go:")
			if c.status != 413 {
				mustNotHave(t, whole, secret, "Set-Cookie")
				if reached.Load() != 0 {
					t.Error("the request came through")
				}
			}
			if c.status == 421 && said != "" || c.silent && strings.Contains(said, "{") {
				t.Errorf("said %q", said)
			}
			if !c.silent {
				mustHave(t, whole, "application/problem+json", "nosniff")
			}
			if d.panics.Load() != 0 {
				t.Error("a handler panicked")
			}
		})
	}
}

func mustHave(t *testing.T, whole string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(whole, p) {
			t.Errorf("%q is missing in:\n%s", p, whole)
		}
	}
}

func mustNotHave(t *testing.T, whole string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if strings.Contains(whole, p) {
			t.Errorf("%q leaked in:\n%s", p, whole)
		}
	}
}

func TestAnAddressOfOursIsTheOneTheConnectionCameTo(t *testing.T) {
	d := newDoor(quiet, []string{"203.0.113.9"})
	lan := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 5175} }
	for _, c := range []struct {
		host  string
		local net.Addr
		ours  bool
	}{
		{"192.168.1.20:5175", lan("192.168.1.20"), true},
		{"192.168.1.20", lan("192.168.1.20"), true},
		{"[::ffff:192.168.1.20]:5175", lan("192.168.1.20"), true},
		{"192.168.1.21:5175", lan("192.168.1.20"), false},
		{"[fd00::5]:5175", lan("fd00::5"), true},
		{"[fd00::6]:5175", lan("fd00::5"), false},
		{"fd00::5", lan("fd00::5"), false},
		{"[fe80::1]:5175", &net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}, true},
		{"[fe80::1%eth0]:5175", &net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}, false},
		{"192.168.1.20", nil, false},
		{"203.0.113.9:8080", lan("192.168.1.20"), true}, // configured: a forwarded port
	} {
		if got := d.isOurs(c.host, c.local); got != c.ours {
			t.Errorf("%s on %v: %v", c.host, c.local, got)
		}
	}
}

// The policy names the host, so a host that could end the policy and begin
// another would be an injection; the list before it must not let one through.
func TestThePolicyNamesOnlyUs(t *testing.T) {
	d := newDoor(quiet, nil)
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	r.Host = "localhost:5175"
	d.guard(http.NotFoundHandler()).ServeHTTP(w, r)
	csp := w.Header().Get("Content-Security-Policy")
	mustHave(t, csp, "connect-src 'self' ws://localhost:5175 wss://localhost:5175;", "script-src 'self';")
	mustNotHave(t, csp, "*", "unsafe-eval", "http:")
}

func TestAPanicEndsOneRequestAndIsCounted(t *testing.T) {
	d := newDoor(quiet, nil)
	addr := behindDoor(t, d, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			fmt.Fprint(w, strings.Repeat("x", 8<<10))
		}
		panic(secret)
	}))
	status, whole := exchange(t, addr, "GET /early HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if status != 500 {
		t.Errorf("status %d", status)
	}
	mustHave(t, whole, "application/problem+json", `"code":"internal"`, "Internal error")
	mustNotHave(t, whole, secret, "goroutine", ".go:")

	_, whole = exchange(t, addr, "GET /late HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if strings.HasSuffix(whole, "0\r\n\r\n") {
		t.Error("half an answer looks whole")
	}
	mustNotHave(t, whole, secret, "problem")
	if n := d.panics.Load(); n != 2 {
		t.Errorf("%d panics counted", n)
	}
}

// pipes is a listener whose connections live in memory, so that their
// deadlines run on a test's own clock.
type pipes struct{ ready chan net.Conn }

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p.ready
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func TestADrippedRequestIsCut(t *testing.T) {
	for _, c := range []struct {
		name, first string
		limit       time.Duration
	}{
		{"in its headers", "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", headerTimeout},
		{"in its body", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n", requestTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := pipes{make(chan net.Conn)}
				var reached atomic.Int32
				s := NewServer(newDoor(quiet, nil).guard(inside(&reached)), quiet)
				go s.Serve(l)
				mallory, ours := net.Pipe()
				l.ready <- ours
				began := time.Now()
				go io.Copy(io.Discard, mallory)
				_, err := io.WriteString(mallory, c.first)
				for err == nil {
					time.Sleep(time.Second)
					_, err = io.WriteString(mallory, "x")
				}
				if held := time.Since(began); held > c.limit+time.Second {
					t.Errorf("held for %v", held)
				}
				mallory.Close()
				close(l.ready)
				s.Close()
			})
		})
	}
}

func TestABlockingReloadOutlivesTheRequestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := pipes{make(chan net.Conn)}
		held := make(chan error, 1)
		s := NewServer(newDoor(quiet, nil).guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-time.After(requestTimeout + 15*time.Second):
				held <- nil
			case <-r.Context().Done():
				held <- context.Cause(r.Context())
			}
		})), quiet)
		go s.Serve(l)
		viewer, ours := net.Pipe()
		l.ready <- ours
		go io.Copy(io.Discard, viewer)
		io.WriteString(viewer, "GET /hls/ann/live.m3u8 HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if err := <-held; err != nil {
			t.Errorf("cut while waiting: %v", err)
		}
		viewer.Close()
		close(l.ready)
		s.Close()
	})
}

// from is a connection that says it comes from an address.
type from struct {
	net.Conn
	addr   net.Addr
	closed *atomic.Int32
}

func (f from) RemoteAddr() net.Addr { return f.addr }
func (f from) Close() error         { f.closed.Add(1); return nil }

func TestOneAddressCannotTakeAllConnections(t *testing.T) {
	var refused atomic.Int32
	p := pipes{make(chan net.Conn, 100)}
	l := &limitedListener{p, crowd.New(4, 2)}
	dial := func(ip string) net.Conn {
		before := refused.Load()
		p.ready <- from{addr: &net.TCPAddr{IP: net.ParseIP(ip)}, closed: &refused}
		p.ready <- from{addr: &net.TCPAddr{}, closed: new(atomic.Int32)} // so that Accept returns
		c, _ := l.Accept()
		if refused.Load() > before {
			c.Close()
			return nil
		}
		probe, _ := l.Accept()
		if probe != nil {
			probe.Close()
		}
		return c
	}
	a1, a2 := dial("192.0.2.1"), dial("192.0.2.1")
	if a1 == nil || a2 == nil {
		t.Fatal("refused below the limit")
	}
	if dial("192.0.2.1") != nil || dial("::ffff:192.0.2.1") != nil {
		t.Error("a third connection of one address came in")
	}
	b1 := dial("192.0.2.2")
	if b1 == nil {
		t.Fatal("another address was refused")
	}
	a1.Close()
	a1.Close() // net/http closes twice at times; the place is given back once
	if dial("192.0.2.1") == nil {
		t.Error("a place given back is not free")
	}
	if dial("192.0.2.1") != nil {
		t.Error("a place was given back twice")
	}
}

func TestWhoSendsTooMuchHearsWhyBeforeTheDoorShuts(t *testing.T) {
	var reached atomic.Int32
	addr := behindDoor(t, newDoor(quiet, nil), inside(&reached))
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	go io.WriteString(c, "GET / HTTP/1.1\r\nHost: "+addr+"\r\nX-A: "+strings.Repeat("x", 2<<20)+"\r\n\r\n")
	if said, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(said), "HTTP/1.1 431 ") {
		t.Errorf("heard %.40q, then %v", said, err)
	}
}
