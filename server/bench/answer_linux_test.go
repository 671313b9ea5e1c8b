package bench

import (
	"bytes"
	"errors"
	"strconv"
)

// answer reads one HTTP/1.1 answer from pieces of any size, with no work for
// bytes that nobody wants.
type answer struct {
	want   bool // keep the body
	status int
	body   []byte

	head  []byte
	state int
	left  int // bytes of the body, or of a chunk
	line  []byte
}

const (
	inHead = iota
	inBody
	inChunkSize
	inChunk
	inChunkEnd
	inTrailer
	complete
)

var errAnswer = errors.New("that is no HTTP answer")

// reset makes it ready for the next answer.
func (a *answer) reset(want bool) {
	*a = answer{want: want, head: a.head[:0], body: a.body[:0], line: a.line[:0]}
}

// feed takes b, and returns what comes after the answer.
func (a *answer) feed(b []byte) (rest []byte, done bool, err error) {
	for a.state != complete {
		switch a.state {
		case inHead:
			from := max(0, len(a.head)-3)
			had := len(a.head)
			a.head = append(a.head, b...)
			end := bytes.Index(a.head[from:], []byte("\r\n\r\n"))
			if end < 0 {
				return nil, false, nil
			}
			end += from + 4
			b = b[end-had:]
			if err := a.parse(a.head[:end]); err != nil {
				return nil, false, err
			}
		case inBody, inChunk:
			n := min(a.left, len(b))
			if a.want {
				a.body = append(a.body, b[:n]...)
			}
			b = b[n:]
			if a.left -= n; a.left > 0 {
				return nil, false, nil
			}
			a.state = map[int]int{inBody: complete, inChunk: inChunkEnd}[a.state]
		default:
			end := bytes.IndexByte(b, '\n')
			if end < 0 {
				a.line = append(a.line, b...)
				return nil, false, nil
			}
			a.line = append(a.line, b[:end]...)
			b = b[end+1:]
			if err := a.chunkLine(string(bytes.TrimSpace(a.line))); err != nil {
				return nil, false, err
			}
			a.line = a.line[:0]
		}
	}
	return b, true, nil
}

func (a *answer) parse(head []byte) (err error) {
	if len(head) < 12 || string(head[:9]) != "HTTP/1.1 " {
		return errAnswer
	}
	if a.status, err = strconv.Atoi(string(head[9:12])); err != nil {
		return err
	}
	a.state = complete
	if v, ok := field(head, "\r\nContent-Length: "); ok {
		if a.left, err = strconv.Atoi(v); a.left > 0 {
			a.state = inBody
		}
		return err
	}
	if _, ok := field(head, "\r\nTransfer-Encoding: chunked"); ok {
		a.state = inChunkSize
	}
	return nil
}

func field(head []byte, name string) (string, bool) {
	at := bytes.Index(head, []byte(name))
	if at < 0 {
		return "", false
	}
	v := head[at+len(name):]
	return string(v[:bytes.IndexByte(v, '\r')]), true
}

func (a *answer) chunkLine(s string) error {
	switch a.state {
	case inChunkEnd:
		a.state = inChunkSize
	case inTrailer:
		if s == "" {
			a.state = complete
		}
	default:
		n, err := strconv.ParseUint(s, 16, 31)
		if err != nil {
			return err
		}
		a.left = int(n)
		if a.state = inChunk; n == 0 {
			a.state = inTrailer
		}
	}
	return nil
}
