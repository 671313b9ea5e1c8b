package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"

	"echo.tv/server/tv"
)

const (
	passwordMin = 8   // NIST SP 800-63B §5.1.1.2, which also asks for no rules of composition
	passwordMax = 256 // bytes; a passphrase fits, and nobody makes us hash a megabyte
)

func checkPassword(name tv.ChannelName, password string) error {
	switch {
	case len(password) < passwordMin:
		return tv.Errorf(tv.Invalid, "the password is too short").Hint("use 8 characters or more; a few words are easy to remember")
	case len(password) > passwordMax:
		return tv.Errorf(tv.Invalid, "the password is too long").Hint("use 256 bytes or fewer")
	case strings.EqualFold(password, string(name)):
		return tv.Errorf(tv.Invalid, "the password is the name").Hint("use something that others cannot read on the channel")
	}
	return nil
}

// cost is what argon2id takes for one hash. It is kept with each hash, so that
// raising it later leaves old passwords valid.
type cost struct {
	Memory  uint32 // KiB
	Time    uint32
	Threads uint8
}

// OWASP's Password Storage Cheat Sheet names this as the least for argon2id. More
// would let fewer strangers keep more of a small host's memory busy.
var owaspLeast = cost{Memory: 19 * 1024, Time: 2, Threads: 1}

// passwordHash is a password at rest. The zero value matches no password.
type passwordHash struct {
	Cost cost
	Salt []byte
	Sum  []byte
}

func (c cost) sum(password string, salt []byte) []byte {
	return argon2.IDKey([]byte(password), salt, c.Time, c.Memory, c.Threads, 32)
}

const (
	hashesAtOnce  = 2  // 38 MiB, and two cores for the length of a hash
	hashesWaiting = 16 // half a second of waiting at 60 ms a hash
)

// hasher bounds what passwords cost, whoever sends how many.
type hasher struct {
	cost  cost
	room  chan struct{} // one for each that runs or waits
	slots chan struct{} // one for each that runs
}

func newHasher() hasher {
	return hasher{owaspLeast, make(chan struct{}, hashesAtOnce+hashesWaiting), make(chan struct{}, hashesAtOnce)}
}

func (h hasher) hash(ctx context.Context, password string) (p passwordHash, err error) {
	p = passwordHash{Cost: h.cost, Salt: make([]byte, 16)}
	rand.Read(p.Salt)
	err = h.run(ctx, func() { p.Sum = p.Cost.sum(password, p.Salt) })
	return p, err
}

// matches takes as long for the zero hash as for a real one, so that the time of
// an answer does not tell which names exist.
func (h hasher) matches(ctx context.Context, password string, p passwordHash) (same bool, err error) {
	if p.Cost.Time == 0 || p.Cost.Threads == 0 {
		p = passwordHash{Cost: h.cost, Salt: make([]byte, 16)}
	}
	err = h.run(ctx, func() {
		same = subtle.ConstantTimeCompare(p.Cost.sum(password, p.Salt), p.Sum) == 1
	})
	return same, err
}

// run waits for its turn. The error is Unavailable when too many wait already
// or ctx ends first.
func (h hasher) run(ctx context.Context, work func()) error {
	select {
	case h.room <- struct{}{}:
		defer func() { <-h.room }()
	default:
		return tv.Errorf(tv.Unavailable, "too many people are signing in at this moment").
			Hint("try again in a few seconds").After(2 * time.Second)
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return tv.Errorf(tv.Unavailable, "gave up waiting to check a password: %w", ctx.Err())
	}
	work()
	return nil
}
