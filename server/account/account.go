// Package account decides who may do what on this host. It owns users and their
// passwords, sessions, stream keys, channel profiles, invites and the claim of a
// fresh host; it keeps them in the store and knows neither HTTP nor RTMP.
//
// Nothing secret is kept as it is: passwords as argon2id, session tokens and
// invites as SHA-256, stream keys sealed with a secret that lives in a file of
// its own, so that the store alone opens nothing.
//
// Under load: two password hashes run at a time and sixteen wait, the rest are
// told to come back. Everything else is a read of the store; sessions and keys in
// use cause a write an hour at most. What counts attempts is bounded, in memory,
// and forgotten at the end of the process. All methods may be called from any
// goroutine.
package account

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"echo.tv/server/store"
	"echo.tv/server/tv"
)

// User is an account as the rest of the program sees it, without its password.
type User struct {
	ID      tv.UserID
	Name    tv.ChannelName
	Role    tv.Role
	Created time.Time
}

// Accounts is the one place that decides. Make it with Open.
type Accounts struct {
	st     *store.Store
	vault  vault
	hasher hasher
	owned  atomic.Bool
	claim  claimCode

	signInsByIP   *limiter
	signInsByName *limiter
	oldPasswords  *limiter
	wrongKeysByIP *limiter
	signUpsByIP   *limiter
	welcome       *tally // name and address of recent successes

	mu   sync.Mutex
	used map[string]time.Time // key id → last use, newer than the store's; guarded by mu
}

// userRow is a User at rest.
type userRow struct {
	Name     tv.ChannelName
	Role     tv.Role
	Created  time.Time
	Password passwordHash
}

func (r userRow) user(id tv.UserID) User { return User{id, r.Name, r.Role, r.Created} }

var (
	users    = store.NewBucket[userRow]("users")   // by id
	names    = store.NewBucket[tv.UserID]("names") // by name
	settings = store.NewBucket[string]("settings")
)

const (
	ownerSetting  = "owner"  // the owner's id
	policySetting = "policy" // who may sign up
	secretSetting = "secret" // proves that the secret file belongs to this store
)

// Open takes the accounts in st into use. secret must be the one they were
// sealed with: when stream keys exist and it is another, or was lost, the error
// is Storage and nothing is changed. A fresh secret is written to its file here,
// once it is sure that no older one is missing.
func Open(st *store.Store, secret Secret) (*Accounts, error) {
	a := &Accounts{
		st:            st,
		vault:         newVault(secret),
		hasher:        newHasher(),
		signInsByIP:   newLimiter(10),
		signInsByName: newLimiter(20),
		oldPasswords:  newLimiter(10),
		wrongKeysByIP: newLimiter(10),
		signUpsByIP:   newLimiter(20),
		welcome:       newTally(24 * time.Hour),
		used:          map[string]time.Time{},
	}
	if err := a.adopt(secret); err != nil {
		return nil, err
	}
	err := st.View(func(tx *store.Tx) error {
		_, owned, err := settings.Get(tx, ownerSetting)
		a.owned.Store(owned)
		return err
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// InstallID tells this installation from another on the same machine; it is no
// secret.
func (a *Accounts) InstallID() string { return a.st.ID() }

// Owned reports whether this host has an owner. It costs nothing.
func (a *Accounts) Owned() bool { return a.owned.Load() }

// UserByName returns the account called name, or NotFound.
func (a *Accounts) UserByName(name tv.ChannelName) (u User, err error) {
	err = a.st.View(func(tx *store.Tx) error {
		id, row, err := userNamed(tx, name)
		u = row.user(id)
		return err
	})
	if err != nil {
		return User{}, err
	}
	return u, nil
}

// Owner returns the account that owns this host, or NotFound.
func (a *Accounts) Owner() (u User, err error) {
	err = a.st.View(func(tx *store.Tx) error {
		id, _, err := settings.Get(tx, ownerSetting)
		if err != nil {
			return err
		}
		row, found, err := users.Get(tx, id)
		if err == nil && !found {
			err = tv.Errorf(tv.NotFound, "nobody owns this host yet").Hint("open its page on this machine and make the owner's account")
		}
		u = row.user(tv.UserID(id))
		return err
	})
	if err != nil {
		return User{}, err
	}
	return u, nil
}

// AddUser makes an account of any role, for the machine's own command; whoever
// may run it may read the store as well. The error is Conflict for a name that
// is taken and for a second owner, Invalid for a name, password or role that
// cannot be.
func (a *Accounts) AddUser(ctx context.Context, name, password string, role tv.Role) (User, error) {
	if _, err := tv.ParseRole(string(role)); err != nil {
		return User{}, err
	}
	return a.create(ctx, name, password, role, nil)
}

// create checks, hashes and keeps a new account. agree is asked twice, at first so
// that a refusal costs no hash, and again in the transaction that decides.
func (a *Accounts) create(ctx context.Context, name, password string, role tv.Role, agree func(*store.Tx) error) (User, error) {
	parsed, err := tv.ParseChannelName(name)
	if err != nil {
		return User{}, err
	}
	if err := checkPassword(parsed, password); err != nil {
		return User{}, err
	}
	row := userRow{Name: parsed, Role: role, Created: now()}
	may := func(tx *store.Tx) error {
		if agree != nil {
			if err := agree(tx); err != nil {
				return err
			}
		}
		return row.mayBeAdded(tx)
	}
	if err := a.st.View(may); err != nil {
		return User{}, err
	}
	if row.Password, err = a.hasher.hash(ctx, password); err != nil {
		return User{}, err
	}
	return a.add(row, may)
}

func (a *Accounts) add(row userRow, may func(*store.Tx) error) (User, error) {
	id := tv.NewUserID()
	err := a.st.Update(func(tx *store.Tx) error {
		if err := may(tx); err != nil {
			return err
		}
		if row.Role == tv.Owner {
			if err := settings.Put(tx, ownerSetting, string(id)); err != nil {
				return err
			}
		}
		if err := names.Put(tx, string(row.Name), id); err != nil {
			return err
		}
		return users.Put(tx, string(id), row)
	})
	if err != nil {
		return User{}, err
	}
	if row.Role == tv.Owner {
		a.owned.Store(true)
		a.claim.end()
	}
	return row.user(id), nil
}

// usersMax bounds what strangers can make of an open host. Ten thousand accounts
// are 4 MB.
const usersMax = 10_000

func (r userRow) mayBeAdded(tx *store.Tx) error {
	if r.Role == tv.Owner {
		if _, owned, err := settings.Get(tx, ownerSetting); err != nil {
			return err
		} else if owned {
			return errOwned
		}
	}
	if _, taken, err := names.Get(tx, string(r.Name)); err != nil {
		return err
	} else if taken {
		return tv.Errorf(tv.Conflict, "the name %q is taken", r.Name).Hint("choose another one")
	}
	count := 0
	if err := names.Each(tx, "", func(string, tv.UserID) error { count++; return nil }); err != nil {
		return err
	}
	if count >= usersMax {
		return tv.Errorf(tv.Forbidden, "this host has no room for more accounts")
	}
	return nil
}

func userNamed(tx *store.Tx, name tv.ChannelName) (id tv.UserID, row userRow, err error) {
	id, found, err := names.Get(tx, string(name))
	if err == nil && found {
		row, found, err = users.Get(tx, string(id))
	}
	if err == nil && !found {
		err = tv.Errorf(tv.NotFound, "nobody here is called %.40q", string(name))
	}
	return id, row, err
}

// now is the time as it comes back from the store: without a monotonic part.
func now() time.Time { return time.Now().UTC().Round(0) }

// fresh reports whether something of the time since is still within its life. A
// day in the future is a clock that was set; more than that is a clock that was
// wrong, and must not make anything last for years.
func fresh(since time.Time, life time.Duration) bool {
	age := now().Sub(since)
	return age > -24*time.Hour && age < life
}
