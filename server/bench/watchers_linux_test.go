package bench

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// chromium is what Chromium sends with every request of hls.js, and so what a
// server has to read.
const chromium = "Connection: keep-alive\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n" +
	"Accept: */*\r\nReferer: http://%[1]s/\r\nAccept-Encoding: gzip, deflate\r\nAccept-Language: en-US,en;q=0.9\r\n"

// hlsWatcher follows one LL-HLS playlist: a blocking reload, then each new
// part, for ever.
type hlsWatcher struct {
	pulse
	tally    *tally
	lists    *lists
	path     string // /hls/ann/live.m3u8
	headers  string
	answer   answer
	begun    bool
	playlist bool // is what was asked for
	last     string
	todo     []string
	next     string // query of the next reload
}

func newHLSWatcher(t *tally, l *lists, addr, path string, n int) *hlsWatcher {
	return &hlsWatcher{tally: t, lists: l, path: path,
		headers: fmt.Sprintf(" HTTP/1.1\r\nHost: %[1]s\r\nX-Echotv-Viewer: viewer-%08[2]d-bench\r\n"+chromium+"\r\n", addr, n)}
}

func (w *hlsWatcher) hello() []byte { return w.ask(w.path, true) }
func (w *hlsWatcher) tick() []byte  { return nil }

func (w *hlsWatcher) ask(path string, playlist bool) []byte {
	w.playlist = playlist
	w.answer.reset(playlist)
	return []byte("GET " + path + w.headers)
}

func (w *hlsWatcher) take(b []byte, now time.Time) ([]byte, error) {
	if w.tally.measuring {
		w.tally.bytes += len(b)
	}
	_, done, err := w.answer.feed(b)
	if err != nil || !done {
		return nil, err
	}
	if w.answer.status != 200 {
		return nil, fmt.Errorf("%d %s", w.answer.status, w.answer.body)
	}
	if w.playlist {
		w.read(w.lists.parse(w.answer.body))
	} else {
		w.tally.got(&w.pulse, w.last, now)
	}
	if len(w.todo) == 0 {
		return w.ask(w.path+w.next, true), nil
	}
	w.last, w.todo = w.todo[0], w.todo[1:]
	return w.ask(w.path[:strings.LastIndexByte(w.path, '/')+1]+w.last, false), nil
}

// read notes what is new: at first the newest part alone.
func (w *hlsWatcher) read(l *list) {
	w.next = l.next
	from := len(l.parts)
	for from > 0 && l.parts[from-1] != w.last {
		from--
	}
	if !w.begun && len(l.parts) > 0 {
		from, w.begun = len(l.parts)-1, true
	}
	w.todo = append(w.todo[:0], l.parts[from:]...)
}

// list is a media playlist as far as a player needs it.
type list struct {
	init  string
	parts []string
	keys  []string // the independent parts among them
	next  string   // the query that asks for what is not in it
}

// lists parses each playlist once: all viewers get the same.
type lists struct {
	text []byte
	list *list
}

func (l *lists) parse(text []byte) *list {
	if l.list == nil || !bytes.Equal(text, l.text) {
		l.text = append(l.text[:0], text...)
		l.list = parseList(string(text))
	}
	return l.list
}

func parseList(text string) *list {
	l := &list{}
	msn, open := 0, 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		tag, attrs, _ := strings.Cut(line, ":")
		switch tag {
		case "#EXT-X-MEDIA-SEQUENCE":
			msn, _ = strconv.Atoi(attrs)
		case "#EXT-X-SKIP":
			n, _ := strconv.Atoi(strings.TrimPrefix(attrs, "SKIPPED-SEGMENTS="))
			msn += n
		case "#EXTINF":
			msn++
			open = 0
		case "#EXT-X-MAP":
			l.init = quoted(attrs, "URI")
		case "#EXT-X-PART":
			open++
			l.parts = append(l.parts, quoted(attrs, "URI"))
			if strings.Contains(attrs, "INDEPENDENT=YES") {
				l.keys = append(l.keys, quoted(attrs, "URI"))
			}
		}
	}
	l.next = fmt.Sprintf("?_HLS_msn=%d&_HLS_part=%d", msn, open)
	if strings.Contains(text, "CAN-SKIP-UNTIL") {
		l.next += "&_HLS_skip=YES" // as hls.js does
	}
	return l
}

func quoted(attrs, name string) string {
	_, v, _ := strings.Cut(attrs, name+`="`)
	v, _, _ = strings.Cut(v, `"`)
	return v
}

// pushWatcher reads a WebSocket.
type pushWatcher struct {
	pulse
	tally    *tally
	addr, id string
	answer   answer
	upgraded bool
	head     []byte // of the message: WebSocket's and ours
	left     int    // bytes of the message still to come
	number   uint32
	begun    bool
}

// upgrade is what a browser asks for a WebSocket with.
func upgrade(addr string) []byte {
	return fmt.Appendf(nil, "GET /push HTTP/1.1\r\nHost: %[1]s\r\nOrigin: http://%[1]s\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"+
		strings.Replace(chromium, "keep-alive", "Upgrade", 1)+"\r\n", addr)
}

// text returns a masked WebSocket message; a mask of zeros leaves it readable.
func text(s string) []byte {
	b := []byte{0x81, 0x80 | byte(len(s)), 0, 0, 0, 0}
	return append(b, s...)
}

func (w *pushWatcher) hello() []byte { return upgrade(w.addr) }

func (w *pushWatcher) tick() []byte {
	if !w.upgraded {
		return nil
	}
	return text(`{"ack":"ann"}`)
}

func (w *pushWatcher) take(b []byte, now time.Time) ([]byte, error) {
	if !w.upgraded {
		rest, done, err := w.answer.feed(b)
		if err != nil || !done {
			return nil, err
		}
		if w.answer.status != 101 || len(rest) > 0 {
			return nil, fmt.Errorf("no upgrade but %d", w.answer.status)
		}
		w.upgraded = true
		return text(`{"watch":"ann","viewer":"` + w.id + `"}`), nil
	}
	if w.tally.measuring {
		w.tally.bytes += len(b)
	}
	for len(b) > 0 {
		if w.left == 0 {
			var err error
			if b, err = w.begin(b); err != nil {
				return nil, err
			}
		}
		n := min(w.left, len(b))
		b = b[n:]
		if w.left -= n; w.left == 0 && n > 0 {
			w.end(now)
		}
	}
	return nil, nil
}

const pushHeader = 16 // see the package comment of push

// begin collects the header of a message: all of it, or nothing is left of b.
func (w *pushWatcher) begin(b []byte) ([]byte, error) {
	for len(b) > 0 {
		w.head = append(w.head, b[0])
		b = b[1:]
		if len(w.head) < 2 {
			continue
		}
		size, at := int(w.head[1]), 2
		switch {
		case size == 126 && len(w.head) >= 4:
			size, at = int(binary.BigEndian.Uint16(w.head[2:])), 4
		case size == 127 && len(w.head) >= 10:
			size, at = int(binary.BigEndian.Uint64(w.head[2:])), 10
		case size >= 126:
			continue
		}
		media := w.head[0] == 0x82
		if !media && w.head[0] != 0x81 {
			return nil, fmt.Errorf("a WebSocket frame begins with %#x", w.head[0])
		}
		if media && len(w.head) < at+pushHeader {
			continue
		}
		w.left = size - (len(w.head) - at)
		w.head = append(w.head[:1], w.head[at:]...)
		return b, nil
	}
	return nil, nil
}

// end takes notice of a whole message.
func (w *pushWatcher) end(now time.Time) {
	h := w.head
	w.head = w.head[:0]
	if h[0] != 0x82 || h[1] != 2 {
		return // a text, or an init segment
	}
	n := binary.BigEndian.Uint32(h[1+4:])
	if w.tally.measuring {
		if w.begun {
			w.tally.missed += uint64(n - w.number - 1)
		}
		at := time.UnixMilli(int64(binary.BigEndian.Uint64(h[1+8:])))
		w.tally.age = append(w.tally.age, now.Sub(at))
	}
	w.number, w.begun = n, true
	w.tally.got(&w.pulse, strconv.Itoa(int(n)), now)
}
