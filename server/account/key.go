package account

import (
	"context"
	"crypto/rand"
	"net/netip"
	"slices"
	"strings"
	"time"

	"echo.tv/server/store"
	"echo.tv/server/tv"
)

// Key is a stream key without its secret.
type Key struct {
	ID       string
	Label    string
	Redacted string // tells two keys apart, opens nothing
	Created  time.Time
	LastUsed time.Time // zero when never
}

// Grant is what a good key allows: to publish on one channel.
type Grant struct {
	Channel tv.ChannelName
	KeyID   string
	Label   string
}

// keyRow is a key at rest, kept under keyPath.
type keyRow struct {
	Label    string
	Created  time.Time
	LastUsed time.Time
	Find     string // where keyPaths has it
	Sealed   []byte
}

var (
	keys     = store.NewBucket[keyRow]("keys")
	keyPaths = store.NewBucket[string]("keypaths") // by vault.find
)

const (
	keysMax   = 20 // per user
	labelMax  = 40
	usedEvery = time.Hour
)

// keyPath puts the keys of a user beside each other and out of reach of others:
// whatever the id, the path stays below its user, whose id has no slash.
func keyPath(user tv.UserID, id string) string { return string(user) + "/" + id }

var errNoKey = tv.Errorf(tv.NotFound, "you have no such stream key").Hint("reload the list")

// Keys returns the keys of u, oldest first.
func (a *Accounts) Keys(_ context.Context, u User) (list []Key, err error) {
	err = a.st.View(func(tx *store.Tx) error {
		return keys.Each(tx, keyPath(u.ID, ""), func(path string, row keyRow) error {
			secret, _ := a.vault.open(row.Sealed, path) // a damaged one is listed, to be revoked
			list = append(list, a.key(path, row, secret))
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b Key) int { return a.Created.Compare(b.Created) })
	return list, nil
}

func (a *Accounts) key(path string, row keyRow, secret tv.StreamKey) Key {
	_, id, _ := strings.Cut(path, "/")
	used := row.LastUsed
	a.mu.Lock()
	defer a.mu.Unlock()
	if newer, ok := a.used[id]; ok {
		used = newer
	}
	return Key{id, row.Label, secret.String(), row.Created, used}
}

// NewKey makes a key for u and returns its secret. The error is Forbidden for
// viewers, Conflict with 20 keys, and Invalid for a label of over 40 characters.
func (a *Accounts) NewKey(_ context.Context, u User, label string) (k Key, secret tv.StreamKey, err error) {
	label, err = clean("label", label, labelMax)
	if err != nil {
		return Key{}, tv.StreamKey{}, err
	}
	if label == "" {
		label = "OBS"
	}
	path, row := keyPath(u.ID, rand.Text()), keyRow{Label: label}
	err = a.st.Update(func(tx *store.Tx) (err error) {
		if err := mustBe(tx, u, tv.Streamer); err != nil {
			return err
		}
		count := 0
		if err := keys.Each(tx, keyPath(u.ID, ""), func(string, keyRow) error { count++; return nil }); err != nil {
			return err
		}
		if count >= keysMax {
			return tv.Errorf(tv.Conflict, "you have %d stream keys", count).Hint("revoke one that you no longer use")
		}
		secret, err = a.fill(tx, path, &row)
		return err
	})
	if err != nil {
		return Key{}, tv.StreamKey{}, err
	}
	return a.key(path, row, secret), secret, nil
}

// fill draws a secret for row and keeps both.
func (a *Accounts) fill(tx *store.Tx, path string, row *keyRow) (tv.StreamKey, error) {
	secret := tv.NewStreamKey()
	row.Created, row.LastUsed = now(), time.Time{}
	row.Find, row.Sealed = a.vault.find(secret), a.vault.close(secret, path)
	if err := keyPaths.Put(tx, row.Find, path); err != nil {
		return tv.StreamKey{}, err
	}
	return secret, keys.Put(tx, path, *row)
}

// RevealKey returns the secret of a key of u, or NotFound.
func (a *Accounts) RevealKey(_ context.Context, u User, id string) (secret tv.StreamKey, err error) {
	path := keyPath(u.ID, id)
	err = a.st.View(func(tx *store.Tx) error {
		row, err := keyAt(tx, path)
		if err != nil {
			return err
		}
		secret, err = a.vault.open(row.Sealed, path)
		return err
	})
	return secret, err
}

// RotateKey gives a key of u a new secret; the old one opens nothing from then
// on. Who publishes with it is for the caller to cut, by the same id. The error
// is NotFound.
func (a *Accounts) RotateKey(_ context.Context, u User, id string) (k Key, secret tv.StreamKey, err error) {
	path := keyPath(u.ID, id)
	var row keyRow
	err = a.st.Update(func(tx *store.Tx) (err error) {
		if row, err = keyAt(tx, path); err != nil {
			return err
		}
		if err := keyPaths.Delete(tx, row.Find); err != nil {
			return err
		}
		secret, err = a.fill(tx, path, &row)
		return err
	})
	if err != nil {
		return Key{}, tv.StreamKey{}, err
	}
	a.forgetUse(id)
	return a.key(path, row, secret), secret, nil
}

// RevokeKey ends a key of u; see RotateKey. The error is NotFound.
func (a *Accounts) RevokeKey(_ context.Context, u User, id string) error {
	path := keyPath(u.ID, id)
	err := a.st.Update(func(tx *store.Tx) error {
		row, err := keyAt(tx, path)
		if err != nil {
			return err
		}
		if err := keyPaths.Delete(tx, row.Find); err != nil {
			return err
		}
		return keys.Delete(tx, path)
	})
	if err == nil {
		a.forgetUse(id)
	}
	return err
}

func keyAt(tx *store.Tx, path string) (keyRow, error) {
	row, found, err := keys.Get(tx, path)
	if err == nil && !found {
		err = errNoKey
	}
	return row, err
}

// Publisher returns what key allows. The error is NotFound for a key that opens
// nothing, and TooMany after 10 of those a minute from one address. A good key is
// never refused for the sake of bad ones: nobody guesses 160 bits, and an encoder
// that is stuck on an old key must not keep its neighbour off the air.
func (a *Accounts) Publisher(_ context.Context, remote netip.Addr, key tv.StreamKey) (g Grant, err error) {
	var row keyRow
	var path string
	err = a.st.View(func(tx *store.Tx) error {
		path, row, g, err = a.grant(tx, key)
		return err
	})
	if tv.CodeOf(err) == tv.NotFound {
		if slow := a.wrongKeysByIP.take(address(remote)); slow != nil {
			return Grant{}, slow
		}
	}
	if err != nil {
		return Grant{}, err
	}
	a.noteUse(g.KeyID, path, row)
	return g, nil
}

func (a *Accounts) grant(tx *store.Tx, key tv.StreamKey) (path string, row keyRow, g Grant, err error) {
	wrong := tv.Errorf(tv.NotFound, "that is not a stream key of this host").Hint("copy the key again from Studio")
	path, found, err := keyPaths.Get(tx, a.vault.find(key))
	if err != nil || !found {
		return "", row, g, orElse(err, wrong)
	}
	if row, found, err = keys.Get(tx, path); err != nil || !found {
		return "", row, g, orElse(err, wrong)
	}
	user, id, _ := strings.Cut(path, "/")
	owner, found, err := users.Get(tx, user)
	if err != nil || !found || !owner.Role.Includes(tv.Streamer) {
		return "", row, g, orElse(err, wrong)
	}
	return path, row, Grant{owner.Name, id, row.Label}, nil
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// noteUse remembers that a key was used now, and writes so once an hour. It is a
// courtesy to its owner: a disk that refuses does not keep a stream off the air.
func (a *Accounts) noteUse(id, path string, row keyRow) {
	a.mu.Lock()
	a.used[id] = now()
	a.mu.Unlock()
	if now().Sub(row.LastUsed) < usedEvery {
		return
	}
	_ = a.st.Update(func(tx *store.Tx) error {
		current, found, err := keys.Get(tx, path)
		if err != nil || !found || current.Find != row.Find { // revoked or rotated in between
			return err
		}
		current.LastUsed = now()
		return keys.Put(tx, path, current)
	})
}

func (a *Accounts) forgetUse(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.used, id)
}
