package hls

import (
	"bytes"
	"strings"
	"sync/atomic"
	"time"

	"echo.tv/server/tv"
)

// question is the first line of a request, and what it asks for.
type question struct {
	line    []byte
	request request
}

// questions are those that lanes of a channel were asked lately, one about a
// playlist and one about media: all its viewers ask the same within a moment,
// so it is parsed for the first of them. Safe for concurrent use.
type questions [2]atomic.Pointer[question]

func (qs *questions) find(line []byte) (request, bool) {
	for i := range qs {
		if q := qs[i].Load(); q != nil && bytes.Equal(q.line, line) {
			return q.request, true
		}
	}
	return request{}, false
}

func (qs *questions) add(line []byte, r request) {
	at := 0
	if r.kind == filePlaylist {
		at = 1
	}
	qs[at].Store(&question{bytes.Clone(line), r})
}

// question reads the first line of a request. It reports false when that is not
// a lane's, or the channel has to be looked for elsewhere.
func (l *lane) question(line []byte, now time.Time) (request, bool) {
	if !l.g.snap.Load().ended && !l.away(now) {
		if q, ok := l.g.questions.find(line); ok {
			return q, true
		}
	}
	target, ok := plainLine(line)
	if !ok {
		return request{}, false
	}
	path, query, _ := strings.Cut(target, "?")
	name, file, _ := strings.Cut(strings.TrimPrefix(path, "/hls/"), "/")
	if !l.tune(name) || l.away(now) {
		return request{}, false
	}
	q, err := l.g.parse(file, query)
	if err != nil || q.kind == fileThumb {
		return request{}, false
	}
	l.g.questions.add(line, q)
	return q, true
}

// tune finds the segmenter of a channel, without a lock while it is the same.
func (l *lane) tune(name string) bool {
	if name != l.name || l.g.snap.Load().ended {
		g := l.server.find(tv.ChannelName(name))
		if g == nil {
			return false
		}
		l.g, l.name = g, name
		l.seen = time.Time{}
	}
	return true
}

// away reports whether the channel is another host's, which may have let go of
// it: nobody asked here for a while.
func (l *lane) away(now time.Time) bool {
	return now.Sub(l.asked) > awayTime && strings.Contains(l.name, "@")
}
