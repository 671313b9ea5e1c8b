package logs

import (
	"log/slog"
	"strings"
	"unicode/utf8"
)

const (
	maxText  = 2 << 10 // bytes of one record
	maxAttrs = 32      // of one record
)

// writer makes text of attributes until a record is full.
type writer struct {
	left  int
	attrs []Attr
}

// take returns as much of s as fits, with what is cut marked and what is not
// text replaced.
func (w *writer) take(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > w.left {
		s = cut(s, w.left) + "…"
	}
	w.left = max(0, w.left-len(s))
	return s
}

// cut shortens s to at most n bytes without halving a letter.
func cut(s string, n int) string {
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// add writes a, and the members of a group each for itself.
func (w *writer) add(group string, a slog.Attr) {
	if a.Value.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, member := range a.Value.Group() {
			w.add(group, member)
		}
		return
	}
	if a.Equal(slog.Attr{}) || w.left == 0 || len(w.attrs) >= maxAttrs {
		return
	}
	key := w.take(group + a.Key)
	w.attrs = append(w.attrs, Attr{key, w.take(a.Value.String())})
}
