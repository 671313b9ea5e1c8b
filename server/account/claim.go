package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"strings"
	"sync"
	"time"
	"unicode"

	"echo.tv/server/tv"
)

const (
	claimLife  = 10 * time.Minute
	claimTries = 5
)

var errOwned = tv.Errorf(tv.Conflict, "this host has an owner already").Hint("sign in, or ask the owner for an account")

// claimCode is the one-time code that proves that somebody sits at the machine.
// Without it the first to find a fresh host on the network would own it (so
// happened to Nginx-UI, CVE-2026-42221).
type claimCode struct {
	mu    sync.Mutex
	code  string    // "" after the end and when it was tried too often; guarded by mu
	until time.Time // guarded by mu
	tries int       // guarded by mu
	ended bool      // guarded by mu
}

// ClaimCode returns the code that Claim wants, for the eyes of whoever is at the
// machine, and "" once somebody owns the host. It is a new one when the last one
// was tried five times or is ten minutes old.
func (a *Accounts) ClaimCode() string { return a.claim.get(a.Owned(), false) }

// NewClaimCode returns a fresh code, good for ten minutes, and ends the last one.
func (a *Accounts) NewClaimCode() string { return a.claim.get(a.Owned(), true) }

// Claim makes the owner of a host that has none and signs nobody in. The error
// is Conflict when there is an owner, also for all but one of many at once,
// Forbidden for a wrong code, and Invalid for a name or password that cannot be,
// which leaves the code good.
func (a *Accounts) Claim(ctx context.Context, code, name, password string) (User, error) {
	if a.Owned() {
		return User{}, errOwned
	}
	if !a.claim.matches(code) {
		if a.Owned() { // since a moment: the winner ended the code
			return User{}, errOwned
		}
		return User{}, tv.Errorf(tv.Forbidden, "that is not the code of this host").
			Hint("use the newest one that the window or the machine's console shows; each is good for 10 minutes and 5 tries")
	}
	return a.create(ctx, name, password, tv.Owner, nil)
}

func (c *claimCode) get(owned, renew bool) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || owned {
		return ""
	}
	if renew || c.code == "" || !time.Now().Before(c.until) {
		c.code, c.until, c.tries = newCode(), time.Now().Add(claimLife), 0
	}
	return c.code
}

func (c *claimCode) matches(typed string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code == "" || !time.Now().Before(c.until) {
		return false
	}
	if subtle.ConstantTimeCompare([]byte(fold(typed)), []byte(fold(c.code))) == 1 {
		return true
	}
	if c.tries++; c.tries >= claimTries {
		c.code = ""
	}
	return false
}

func (c *claimCode) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.code, c.ended = "", true
}

// newCode returns 140 random bits as seven groups of four, to be read from one
// screen and typed at another: ABCD-EFGH-….
func newCode() string {
	letters := (rand.Text() + rand.Text())[:28]
	groups := make([]string, 0, 7)
	for ; letters != ""; letters = letters[4:] {
		groups = append(groups, letters[:4])
	}
	return strings.Join(groups, "-")
}

// fold forgives how a code was typed: case, spaces and dashes, and the digits
// that base32 leaves out because they look like a letter (RFC 4648 §6).
func fold(code string) string {
	return strings.Map(func(r rune) rune {
		switch r = unicode.ToUpper(r); {
		case r == '0':
			return 'O'
		case r == '1':
			return 'I'
		case r == '8':
			return 'B'
		case r >= 'A' && r <= 'Z', r >= '2' && r <= '7':
			return r
		}
		return -1
	}, code)
}
