// Package tv is the vocabulary that every part of echo.tv shares: names, keys,
// roles and errors. It validates and redacts, and does nothing else; it imports
// the standard library only, so that every other package may import it.
package tv

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"log/slog"
	"regexp"
	"strings"
)

// UserID identifies an account for ever; names may change, ids do not.
type UserID string

// NewUserID returns a fresh id of 130 random bits.
func NewUserID() UserID { return UserID(rand.Text()) }

// ChannelName is the public name of a channel and of the account that owns it:
// /@ann in the browser, /hls/ann/ for players.
type ChannelName string

var channelName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{1,23}$`)

// ParseChannelName folds s to lower case and returns it as a name, or an
// Invalid error that says what a name looks like. 24 letters is what fits a
// card at 390 px.
func ParseChannelName(s string) (ChannelName, error) {
	n := strings.ToLower(strings.TrimSpace(s))
	if !channelName.MatchString(n) {
		return "", Errorf(Invalid, "%.40q cannot be a name", s).
			Hint("use 2 to 24 letters, digits, - or _, beginning with a letter or digit")
	}
	return ChannelName(n), nil
}

// StreamKey is the secret that OBS presents. It prints as its first four
// characters wherever it is formatted or logged; Reveal is the only way out.
type StreamKey struct{ secret string }

const keyPrefix = "live_" // tells a person who finds one what it is

var keyCoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewStreamKey returns a key of 160 random bits.
func NewStreamKey() StreamKey {
	b := make([]byte, 20)
	rand.Read(b)
	return StreamKey{keyPrefix + keyCoding.EncodeToString(b)}
}

// ParseStreamKey takes what a publisher sent, after URL decoding, byte for byte:
// no case folding, no trimming. The error never repeats the key.
func ParseStreamKey(s string) (StreamKey, error) {
	body, ok := strings.CutPrefix(s, keyPrefix)
	if raw, err := keyCoding.DecodeString(body); !ok || err != nil || len(raw) != 20 {
		return StreamKey{}, Errorf(NotFound, "that is not a stream key of this host").
			Hint("copy the key again from Studio")
	}
	return StreamKey{s}, nil
}

// Reveal returns the key itself, to be hashed, sealed or shown to its owner.
func (k StreamKey) Reveal() string { return k.secret }

// Equal compares in constant time.
func (k StreamKey) Equal(o StreamKey) bool {
	return subtle.ConstantTimeCompare([]byte(k.secret), []byte(o.secret)) == 1
}

// String redacts: "live_ab…" tells two keys apart in a log and opens nothing.
func (k StreamKey) String() string { return Redact(k.secret) }

// GoString redacts for %#v.
func (k StreamKey) GoString() string { return k.String() }

// LogValue redacts for slog.
func (k StreamKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText redacts for JSON and XML; an answer that shall hold the key says
// so with Reveal.
func (k StreamKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Redact shortens a secret to four telling characters.
func Redact(secret string) string {
	s := strings.TrimPrefix(secret, keyPrefix)
	if len(s) < 12 {
		return "…"
	}
	return s[:4] + "…"
}

// Role says what an account may do on this host, each including the next.
type Role string

// Owner made this host, admins run it, streamers may publish, viewers watch.
const (
	Owner    Role = "owner"
	Admin    Role = "admin"
	Streamer Role = "streamer"
	Viewer   Role = "viewer"
)

var rank = map[Role]int{Viewer: 1, Streamer: 2, Admin: 3, Owner: 4}

// ParseRole returns the role called s or an Invalid error that lists them.
func ParseRole(s string) (Role, error) {
	if rank[Role(s)] == 0 {
		return "", Errorf(Invalid, "%.20q is not a role", s).Hint("use owner, admin, streamer or viewer")
	}
	return Role(s), nil
}

// Includes reports whether r may do what least may do.
func (r Role) Includes(least Role) bool { return rank[r] >= rank[least] && rank[least] > 0 }
