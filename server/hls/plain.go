package hls

import (
	"bytes"
	"net/http"
	"strings"
)

// plain is what the headers of a request say about who sends it.
type plain struct{ viewer, agent string }

// odd are headers that ask for more than a whole answer on this connection.
// Such requests are net/http's.
var odd = []string{"Content-Length", "Transfer-Encoding", "Expect", "Upgrade", "Range", "If-Range", "TE", "Trailer", "Proxy-Connection", "HTTP2-Settings"}

// The two functions below read the head of a request: its first line, and all
// after it with the empty line. They are strict where RFC 9112 lets one be
// generous: whatever is not certainly plain and for host is left to net/http,
// which says what is wrong with it. So nothing they take may mean something else
// to net/http, nor be longer or shorter; FuzzPlain compares them.

// plainLine returns the target.
func plainLine(line []byte) (target string, ok bool) {
	t, isGet := bytes.CutPrefix(line, []byte("GET "))
	t, isHTTP := bytes.CutSuffix(t, []byte(" HTTP/1.1"))
	if !isGet || !isHTTP || !plainTarget(t) {
		return "", false
	}
	return string(t), true
}

// plainHeaders returns who sends them.
func plainHeaders(rest []byte, host string) (p plain, ok bool) {
	var viewer, agent []byte
	hosts := 0
	for {
		var line []byte
		if line, rest, ok = bytes.Cut(rest, crlf); !ok {
			return p, false
		}
		if len(line) == 0 {
			return plain{string(viewer), string(agent)}, hosts == 1 && len(rest) == 0
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		value = bytes.Trim(value, " \t")
		if !ok || !isToken(name) || !isValue(value) {
			return p, false
		}
		switch {
		case is(name, "Host"):
			if hosts++; string(value) != host {
				return p, false
			}
		case is(name, "Connection"):
			if !is(value, "keep-alive") {
				return p, false
			}
		case is(name, ViewerHeader):
			viewer = first(viewer, value)
		case is(name, "User-Agent"):
			agent = first(agent, value)
		case isOdd(name):
			return p, false
		}
	}
}

var crlf = []byte("\r\n")

// first is how net/http reads a header that comes twice.
func first(a, b []byte) []byte {
	if a != nil {
		return a
	}
	return b
}

func is(b []byte, name string) bool { return len(b) == len(name) && bytes.EqualFold(b, []byte(name)) }

func isOdd(name []byte) bool {
	for _, o := range odd {
		if is(name, o) {
			return true
		}
	}
	return false
}

// plainTarget reports whether a target is a path below /hls/, with or without a
// query, that nobody has to decode or clean.
func plainTarget(t []byte) bool {
	path, query, _ := bytes.Cut(t, []byte("?"))
	if !bytes.HasPrefix(path, []byte("/hls/")) || bytes.Contains(path, []byte("//")) || bytes.Contains(path, []byte("/.")) {
		return false
	}
	return inPath.hasAll(path) && inQuery.hasAll(query)
}

// charset is which bytes something may consist of.
type charset [256]bool

var inPath, inQuery = letters("-._~@/"), letters("-._~=&")

// letters returns the alphanumeric bytes and those of more.
func letters(more string) (s charset) {
	for i := range s {
		s[i] = isAlphanumeric(byte(i)) || strings.IndexByte(more, byte(i)) >= 0
	}
	return s
}

func (s *charset) hasAll(b []byte) bool {
	for _, c := range b {
		if !s[c] {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func isToken(b []byte) bool {
	for _, c := range b {
		if !isAlphanumeric(c) && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return len(b) > 0
}

// isValue reports whether b has no control character but tabs; a lone CR or LF
// is one.
func isValue(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// plainRequest is both for what net/http has read.
func plainRequest(r *http.Request) bool {
	for _, o := range odd {
		if r.Header.Get(o) != "" {
			return false
		}
	}
	return r.Method == http.MethodGet && r.ProtoMajor == 1 && r.ProtoMinor == 1 && !r.Close &&
		r.ContentLength == 0 && plainTarget([]byte(r.RequestURI))
}
