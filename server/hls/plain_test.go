package hls

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"path"
	"strings"
	"testing"
)

const us = "192.168.1.20:5175"

// parsePlain reads a whole head, as a lane does.
func parsePlain(head []byte, host string) (target string, p plain, ok bool) {
	line, headers, _ := bytes.Cut(head, crlf)
	target, isPlain := plainLine(line)
	p, ok = plainHeaders(headers, host)
	return target, p, ok && isPlain
}

func TestOnlyACertainlyPlainRequestIsPlain(t *testing.T) {
	get := func(target string, headers ...string) string {
		return "GET " + target + " HTTP/1.1\r\nHost: " + us + "\r\n" + strings.Join(headers, "") + "\r\n"
	}
	const list = "/hls/ann/live.m3u8"
	for _, c := range []struct {
		name, raw string
		plain     bool
	}{
		{"the least", get(list), true},
		{"a query", get(list + "?_HLS_msn=1&_HLS_part=2&_HLS_skip=YES"), true},
		{"another host's channel", get("/hls/ann@abcdefghijklmnop/live.m3u8"), true},
		{"Chromium", get(list, "Connection: keep-alive\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: */*\r\nCookie: a=b\r\nReferer: http://x/\r\n"), true},
		{"no space after the colon", get(list, "Accept:*/*\r\n"), true},
		{"an empty value", get(list, "X-A:\r\n"), true},
		{"keep-alive in capitals", get(list, "CONNECTION: Keep-Alive\r\n"), true},
		{"latin-1 in a value", get(list, "User-Agent: caf\xe9\r\n"), true},

		// What another reader could take for the end, or for another request.
		{"a bare LF after the request line", strings.Replace(get(list), "\r\n", "\n", 1), false},
		{"a bare LF after a header", get(list, "X-A: b\nX-C: d\r\n"), false},
		{"a bare CR in a value", get(list, "X-A: b\rGET /api HTTP/1.1\r\n"), false},
		{"NUL in a value", get(list, "X-A: b\x00c\r\n"), false},
		{"NUL in the target", get("/hls/ann/\x00"), false},
		{"a folded line", get(list, "X-A: b\r\n c\r\n"), false},
		{"a folded line by tab", get(list, "X-A: b\r\n\tc\r\n"), false},
		{"a space before the first header", strings.Replace(get(list), "Host:", " Host:", 1), false},
		{"a space before the colon", get(list, "X-A : b\r\n"), false},
		{"a header without colon", get(list, "X-A\r\n"), false},
		{"a header without name", get(list, ": b\r\n"), false},
		{"a length", get(list, "Content-Length: 5\r\n"), false},
		{"a length of nothing", get(list, "content-length: 0\r\n"), false},
		{"chunks", get(list, "Transfer-Encoding: chunked\r\n"), false},
		{"chunks in disguise", get(list, "tRANSFER-eNCODING: xchunked\r\n"), false},
		{"a trailer", get(list, "Trailer: X\r\n"), false},
		{"an expectation", get(list, "Expect: 100-continue\r\n"), false},
		{"an upgrade", get(list, "Connection: Upgrade\r\nUpgrade: websocket\r\n"), false},
		{"HTTP/2 in clear text", get(list, "Connection: keep-alive\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"), false},

		// Who is meant.
		{"another host", strings.Replace(get(list), us, "evil.example", 1), false},
		{"the host in capitals", "GET " + list + " HTTP/1.1\r\nHost: LOCALHOST\r\n\r\n", false},
		{"two hosts", get(list, "Host: "+us+"\r\n"), false},
		{"two hosts, one of them another", get(list, "hOST: evil.example\r\n"), false},
		{"no host", "GET " + list + " HTTP/1.1\r\n\r\n", false},
		{"an absolute target", get("http://" + us + list), false},
		{"a target of an authority", get(us), false},
		{"an asterisk", get("*"), false},

		// What for.
		{"HTTP/1.0", strings.Replace(get(list), "1.1", "1.0", 1), false},
		{"HTTP/1.2", strings.Replace(get(list), "1.1", "1.2", 1), false},
		{"no version", strings.Replace(get(list), " HTTP/1.1", "", 1), false},
		{"a space too many", strings.Replace(get(list), "GET ", "GET  ", 1), false},
		{"a space at the end", strings.Replace(get(list), "1.1\r\n", "1.1 \r\n", 1), false},
		{"a tab", strings.Replace(get(list), "GET ", "GET\t", 1), false},
		{"an empty line before", "\r\n" + get(list), false},
		{"a lower-case method", strings.Replace(get(list), "GET", "get", 1), false},
		{"HEAD", strings.Replace(get(list), "GET", "HEAD", 1), false},
		{"POST", strings.Replace(get(list), "GET", "POST", 1), false},
		{"the last one, please", get(list, "Connection: close\r\n"), false},
		{"the last one, in a list", get(list, "Connection: keep-alive, close\r\n"), false},
		{"a range", get(list, "Range: bytes=0-1\r\n"), false},
		{"a page", get("/"), false},
		{"the API", get("/api/session"), false},
		{"the push socket", get("/push"), false},
		{"up and away", get("/hls/../api/session"), false},
		{"a hidden file", get("/hls/ann/.ssh"), false},
		{"an encoded way up", get("/hls/ann/%2e%2e/"), false},
		{"two slashes", get("/hls//ann"), false},
		{"a backslash", get(`/hls/ann\live.m3u8`), false},
		{"an encoded query", get(list + "?_HLS_msn=%31"), false},
		{"a fragment", get(list + "#x"), false},
		{"letters of other languages", get("/hls/ännchen/live.m3u8"), false},
	} {
		if _, _, ok := parsePlain([]byte(c.raw), us); ok != c.plain {
			t.Errorf("%s: plain is %v", c.name, ok)
		}
	}
}

func TestThePlainRequestSaysWhoWatches(t *testing.T) {
	target, p, ok := parsePlain([]byte("GET /hls/ann/live.m3u8?a=b HTTP/1.1\r\nHost: x\r\nx-echotv-viewer:  me\t\r\nUser-Agent: one\r\nUser-Agent: two\r\n\r\n"), "x")
	if !ok || target != "/hls/ann/live.m3u8?a=b" || p.viewer != "me" || p.agent != "one" {
		t.Errorf("%v %q %+v", ok, target, p)
	}
}

// Whatever is plain must be the same request to net/http, which alone decides
// what the others are.
func FuzzPlain(f *testing.F) {
	f.Add([]byte("GET /hls/ann/live.m3u8?_HLS_msn=1 HTTP/1.1\r\nHost: x\r\nUser-Agent: a\r\nX-Echotv-Viewer: b\r\n\r\n"))
	f.Add([]byte("GET /hls/a/p1-b.m4s HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc"))
	f.Add([]byte("GET /hls/a HTTP/1.1\nHost: x\r\nX: y\r\n z\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		end := bytes.Index(data, []byte("\r\n\r\n"))
		if end < 0 {
			return
		}
		head := data[:end+4]
		target, p, ok := parsePlain(head, "x")
		if !ok {
			return
		}
		in := bufio.NewReader(io.MultiReader(bytes.NewReader(head), strings.NewReader("GET / HTTP/1.1\r\n")))
		r, err := http.ReadRequest(in)
		if err != nil {
			t.Fatalf("%q is plain, but %v", head, err)
		}
		rest, _ := io.ReadAll(in)
		if string(rest) != "GET / HTTP/1.1\r\n" {
			t.Errorf("%q leaves %q", head, rest)
		}
		if !plainRequest(r) || r.Host != "x" || r.RequestURI != target || r.Header.Get(ViewerHeader) != p.viewer || r.UserAgent() != p.agent {
			t.Errorf("%q is %q %+v, and to net/http %+v", head, target, p, r)
		}
		where, _, _ := strings.Cut(target, "?")
		if clean := path.Clean(where); r.URL.Path != where || clean != strings.TrimSuffix(where, "/") && where != "/hls/" {
			t.Errorf("%q asks for %q, and to net/http for %q", head, where, r.URL.Path)
		}
	})
}
