package logs

import (
	"encoding"
	"fmt"
	"log/slog"
	"regexp"
)

// secret matches what opens something: a stream key, a bearer token, a session
// cookie, and whatever stands behind a name that says so.
var secret = regexp.MustCompile(`(?i)live_[a-z2-7]{12,}` +
	`|(bearer\s+)[\w.~+/=-]+` +
	`|(echotv_\w+=)[^\s;,"]+` +
	`|((?:password|passwd|secret|token|claim|invite|streamkey|stream_key)["']?\s*[=:]\s*["']?)[^\s"'&;,]+`)

// mask hides what stands behind such a beginning.
func mask(s string) string { return secret.ReplaceAllString(s, "$1$2$3[hidden]") }

// guarded are the attributes whose whole value is a secret by name.
var guarded = regexp.MustCompile(`(?i)^(password|passwd|secret|token|claim|authorization|cookie|stream_?key)$`)

// maxDepth bounds groups in groups.
const maxDepth = 8

// masked returns a with its value resolved, as text unless it is a number, a
// truth or a time, and without secrets.
func masked(a slog.Attr, depth int) slog.Attr {
	v := a.Value.Resolve()
	switch {
	case guarded.MatchString(a.Key):
		return slog.String(a.Key, "[hidden]")
	case v.Kind() == slog.KindGroup && depth == 0:
		return slog.String(a.Key, "…")
	case v.Kind() == slog.KindGroup:
		members := make([]slog.Attr, 0, len(v.Group()))
		for _, m := range v.Group() {
			members = append(members, masked(m, depth-1))
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(members...)}
	case v.Kind() == slog.KindString:
		return slog.String(a.Key, mask(v.String()))
	case v.Kind() == slog.KindAny:
		return slog.String(a.Key, mask(text(v.Any())))
	}
	return slog.Attr{Key: a.Key, Value: v}
}

// text writes v as slog's own text handler does. A value that panics costs its
// text, not the program.
func text(v any) (s string) {
	defer func() {
		if p := recover(); p != nil {
			s = fmt.Sprintf("!PANIC: %v", p)
		}
	}()
	if m, ok := v.(encoding.TextMarshaler); ok {
		b, err := m.MarshalText()
		if err != nil {
			return "!ERROR: " + err.Error()
		}
		return string(b)
	}
	return fmt.Sprintf("%+v", v)
}
