package account

import (
	"context"
	"net/netip"
	"time"

	"echo.tv/server/store"
	"echo.tv/server/tv"
)

type (
	User struct {
		ID      tv.UserID
		Name    tv.ChannelName
		Role    tv.Role
		Created time.Time
	}
	Channel struct {
		Name            tv.ChannelName
		Title, Category string
	}
	Key struct {
		ID, Label, Redacted string
		Created, LastUsed   time.Time
	}
	Grant struct {
		Channel      tv.ChannelName
		KeyID, Label string
	}
	Policy   string
	Secret   struct{}
	Option   func(*Accounts)
	Accounts struct{}
)

const (
	PolicyOpen   Policy = "open"
	PolicyInvite Policy = "invite"
	PolicyClosed Policy = "closed"
	InviteLife          = 7 * 24 * time.Hour
	SessionLife         = 90 * 24 * time.Hour
)

var err0 = tv.Errorf(tv.Unavailable, "under construction")

func LoadSecret(dir string) (Secret, error)                                  { return Secret{}, err0 }
func Open(st *store.Store, secret Secret, opts ...Option) (*Accounts, error) { return nil, err0 }
func (a *Accounts) InstallID() string                                        { return "" }
func (a *Accounts) Owned() bool                                              { return false }
func (a *Accounts) ClaimCode() string                                        { return "" }
func (a *Accounts) NewClaimCode() string                                     { return "" }
func (a *Accounts) Claim(ctx context.Context, code, name, password string) (User, error) {
	return User{}, err0
}
func (a *Accounts) SignUp(ctx context.Context, name, password, invite string) (User, error) {
	return User{}, err0
}
func (a *Accounts) AddUser(ctx context.Context, name, password string, role tv.Role) (User, error) {
	return User{}, err0
}
func (a *Accounts) SignIn(ctx context.Context, remote netip.Addr, name, password string) (token string, u User, err error) {
	return "", User{}, err0
}

// StartSession is for Claim and SignUp: signed in at once, no second hash.
func (a *Accounts) StartSession(ctx context.Context, u User) (token string, err error) {
	return "", err0
}
func (a *Accounts) Session(ctx context.Context, token string) (User, error)          { return User{}, err0 }
func (a *Accounts) SignOut(ctx context.Context, token string) error                  { return err0 }
func (a *Accounts) ChangePassword(ctx context.Context, token, old, new string) error { return err0 }
func (a *Accounts) UserByName(name tv.ChannelName) (User, error)                     { return User{}, err0 }
func (a *Accounts) Channel(name tv.ChannelName) (Channel, error)                     { return Channel{}, err0 }

// Channels lists up to most channels in name order.
func (a *Accounts) Channels(most int) ([]Channel, error) { return nil, err0 }
func (a *Accounts) SetChannel(ctx context.Context, u User, title, category string) (Channel, error) {
	return Channel{}, err0
}
func (a *Accounts) Keys(ctx context.Context, u User) ([]Key, error) { return nil, err0 }
func (a *Accounts) NewKey(ctx context.Context, u User, label string) (Key, tv.StreamKey, error) {
	return Key{}, tv.StreamKey{}, err0
}
func (a *Accounts) RevealKey(ctx context.Context, u User, id string) (tv.StreamKey, error) {
	return tv.StreamKey{}, err0
}
func (a *Accounts) RotateKey(ctx context.Context, u User, id string) (Key, tv.StreamKey, error) {
	return Key{}, tv.StreamKey{}, err0
}
func (a *Accounts) RevokeKey(ctx context.Context, u User, id string) error { return err0 }
func (a *Accounts) Publisher(ctx context.Context, remote netip.Addr, key tv.StreamKey) (Grant, error) {
	return Grant{}, err0
}
func (a *Accounts) Policy() Policy                                                 { return PolicyClosed }
func (a *Accounts) SetPolicy(ctx context.Context, u User, p Policy) error          { return err0 }
func (a *Accounts) NewInvite(ctx context.Context, u User) (code string, err error) { return "", err0 }
