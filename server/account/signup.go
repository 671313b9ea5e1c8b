package account

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"time"

	"echo.tv/server/store"
	"echo.tv/server/tv"
)

// Policy says who may sign up.
type Policy string

// Open is the default: whoever is on the LAN is a guest of the house.
const (
	PolicyOpen   Policy = "open"   // everybody who reaches the host
	PolicyInvite Policy = "invite" // whoever has a code from an admin
	PolicyClosed Policy = "closed" // nobody; the machine's command adds users
)

// InviteLife is how long an invite can be used.
const InviteLife = 7 * 24 * time.Hour

// invite is kept under the SHA-256 of its code: 140 random bits need no slow
// hash.
type invite struct {
	By   tv.UserID
	Made time.Time
}

var invites = store.NewBucket[invite]("invites")

func inviteKey(code string) string { return digest(fold(code)) }

func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Policy returns who may sign up; a store that cannot tell says nobody.
func (a *Accounts) Policy() (p Policy) {
	err := a.st.View(func(tx *store.Tx) (err error) {
		p, err = policy(tx)
		return err
	})
	if err != nil {
		return PolicyClosed
	}
	return p
}

func policy(tx *store.Tx) (Policy, error) {
	p, found, err := settings.Get(tx, policySetting)
	if !found && err == nil {
		return PolicyOpen, nil
	}
	return Policy(p), err
}

// SetPolicy decides who may sign up from now on. The error is Forbidden below
// admin and Invalid for an unknown policy.
func (a *Accounts) SetPolicy(_ context.Context, u User, p Policy) error {
	if p != PolicyOpen && p != PolicyInvite && p != PolicyClosed {
		return tv.Errorf(tv.Invalid, "%.20q is not a sign-up policy", string(p)).Hint("use open, invite or closed")
	}
	return a.st.Update(func(tx *store.Tx) error {
		if err := mustBe(tx, u, tv.Admin); err != nil {
			return err
		}
		return settings.Put(tx, policySetting, string(p))
	})
}

// NewInvite returns a code that lets one person sign up within InviteLife while
// the policy is invite. The error is Forbidden below admin.
func (a *Accounts) NewInvite(_ context.Context, u User) (code string, err error) {
	code = newCode()
	err = a.st.Update(func(tx *store.Tx) error {
		if err := mustBe(tx, u, tv.Admin); err != nil {
			return err
		}
		if err := dropOldInvites(tx); err != nil {
			return err
		}
		return invites.Put(tx, inviteKey(code), invite{u.ID, now()})
	})
	if err != nil {
		return "", err
	}
	return code, nil
}

func dropOldInvites(tx *store.Tx) error {
	var old []string
	err := invites.Each(tx, "", func(key string, i invite) error {
		if !fresh(i.Made, InviteLife) {
			old = append(old, key)
		}
		return nil
	})
	for _, key := range old {
		if err == nil {
			err = invites.Delete(tx, key)
		}
	}
	return err
}

// SignUp makes an account for a streamer at remote, as far as the policy lets strangers;
// it signs nobody in. The error is NotSetUp before there is an owner, Forbidden
// by policy or for a bad invite, Conflict for a name that is taken, TooMany after
// 20 tries a minute from one address, and Invalid
// for a name or password that cannot be.
func (a *Accounts) SignUp(ctx context.Context, remote netip.Addr, name, password, code string) (User, error) {
	if !a.Owned() {
		return User{}, tv.Errorf(tv.NotSetUp, "this host is not set up yet").Hint("its owner has to finish that first")
	}
	if err := a.signUpsByIP.take(address(remote)); err != nil {
		return User{}, err // each costs a password hash and, at last, a row
	}
	return a.create(ctx, name, password, tv.Streamer, func(tx *store.Tx) error { return admit(tx, code) })
}

// admit returns nil when the policy lets somebody with code in. In a transaction
// that may write it uses the invite up.
func admit(tx *store.Tx, code string) error {
	p, err := policy(tx)
	if err != nil {
		return err
	}
	switch p {
	case PolicyOpen:
		return nil
	case PolicyInvite:
	default:
		return tv.Errorf(tv.Forbidden, "this host takes no new accounts").Hint("ask its owner")
	}
	i, found, err := invites.Get(tx, inviteKey(code))
	if err != nil {
		return err
	}
	if !found || !fresh(i.Made, InviteLife) {
		return tv.Errorf(tv.Forbidden, "that invite is not valid").
			Hint("each is good for one account and 7 days; ask for a new one")
	}
	if !tx.Writable() {
		return nil
	}
	return invites.Delete(tx, inviteKey(code))
}

// mustBe asks the store and not u, whose role may be older than this moment.
func mustBe(tx *store.Tx, u User, least tv.Role) error {
	row, found, err := users.Get(tx, string(u.ID))
	if err != nil {
		return err
	}
	if !found || !row.Role.Includes(least) {
		return tv.Errorf(tv.Forbidden, "only somebody with the role %s may do this", least)
	}
	return nil
}
