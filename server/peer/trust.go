package peer

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"echo.tv/server/store"
	"echo.tv/server/tv"
)

const (
	maxKnown  = 1000
	maxTyped  = 64
	knownLife = 180 * 24 * time.Hour // unseen; then a name is free for another computer
	seenApart = 24 * time.Hour       // between two writes about one host
)

// known is who first came with a name.
type known struct {
	ID   tv.HostID
	Name string
	Seen time.Time
}

// typed is a host whose address a person typed.
type typed struct {
	ID   tv.HostID
	Name string
}

var (
	knownNames = store.NewBucket[known]("peer_names") // by folded name
	typedHosts = store.NewBucket[typed]("peer_typed") // by address, host:port
)

// trust remembers, on first use, which host goes by a name and which was found
// at a typed address. What strangers cause is written every ten seconds at most;
// what a person typed, at once.
type trust struct {
	st   *store.Store
	self tv.HostID
	name func() string // of this host

	mu       sync.Mutex
	names    map[string]known          // guarded by mu; by folded name
	dirty    map[string]bool           // guarded by mu; folded names to be written, or deleted
	typed    map[string]typed          // guarded by mu; by what was typed
	resolved map[netip.AddrPort]string // guarded by mu; addresses → what was typed
}

func openTrust(st *store.Store, self tv.HostID, name func() string) (*trust, error) {
	t := &trust{st: st, self: self, name: name, names: map[string]known{}, dirty: map[string]bool{},
		typed: map[string]typed{}, resolved: map[netip.AddrPort]string{}}
	err := st.View(func(tx *store.Tx) error {
		if err := knownNames.Each(tx, "", func(key string, k known) error { t.names[key] = k; return nil }); err != nil {
			return err
		}
		return typedHosts.Each(tx, "", func(key string, h typed) error {
			t.typed[key] = h
			if at, err := netip.ParseAddrPort(key); err == nil {
				t.resolved[at] = key
			}
			return nil
		})
	})
	return t, err
}

// fold makes names alike that look alike, but for letters of other alphabets.
func fold(name string) string {
	folded := strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
	return cmp.Or(folded, name)
}

// judge returns one sentence when the host with this id is not who people may
// think, and the host that they know instead.
func (t *trust) judge(id tv.HostID, name string, at netip.AddrPort) (warning string, instead tv.HostID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if h, ok := t.typed[t.resolved[at]]; ok && h.ID != id {
		return fmt.Sprintf("Answers at %s, where %q was found before, but is another computer.", at, h.Name), h.ID
	}
	key := fold(name)
	if key == fold(t.name()) {
		return fmt.Sprintf("Calls itself %q like this computer, but is another one.", name), t.self
	}
	k, ok := t.names[key]
	switch {
	case ok && k.ID != id && time.Since(k.Seen) < knownLife:
		return fmt.Sprintf("Calls itself %q, but is another computer than the one known by that name.", name), k.ID
	case !ok || k.ID != id || time.Since(k.Seen) > seenApart:
		t.remember(key, known{ID: id, Name: name, Seen: time.Now().UTC().Round(0)})
	}
	return "", ""
}

// remember is called with mu held.
func (t *trust) remember(key string, k known) {
	if _, ok := t.names[key]; !ok && len(t.names) >= maxKnown {
		oldest := ""
		for key, k := range t.names {
			if oldest == "" || k.Seen.Before(t.names[oldest].Seen) {
				oldest = key
			}
		}
		delete(t.names, oldest)
		t.dirty[oldest] = true
	}
	t.names[key] = k
	t.dirty[key] = true
}

// save writes what changed since the last time.
func (t *trust) save() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.dirty) == 0 {
		return nil
	}
	err := t.st.Update(func(tx *store.Tx) error {
		for key := range t.dirty {
			k, ok := t.names[key]
			var err error
			if ok {
				err = knownNames.Put(tx, key, k)
			} else {
				err = knownNames.Delete(tx, key)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		clear(t.dirty)
	}
	return err
}

func (t *trust) isTyped(id tv.HostID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, h := range t.typed {
		if h.ID == id {
			return true
		}
	}
	return false
}

// addresses returns what people typed, and whom they found there.
func (t *trust) addresses() map[string]typed {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make(map[string]typed, len(t.typed))
	for a, h := range t.typed {
		all[a] = h
	}
	return all
}

// resolve notes where a typed address leads today.
func (t *trust) resolve(address string, at []netip.AddrPort) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for a, key := range t.resolved {
		if key == address && !slices.Contains(at, a) {
			delete(t.resolved, a)
		}
	}
	for _, a := range at {
		t.resolved[a] = address
	}
}

// keep remembers that h was found at address. Errors: TooMany, Storage.
func (t *trust) keep(address string, h typed) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.typed[address]; !ok && len(t.typed) >= maxTyped {
		return tv.Errorf(tv.TooMany, "%d addresses are remembered already", maxTyped).Hint("forget one first")
	}
	if err := t.st.Update(func(tx *store.Tx) error { return typedHosts.Put(tx, address, h) }); err != nil {
		return err
	}
	t.typed[address] = h
	return nil
}

// forget removes all that is remembered of a host, and reports whether there was
// anything.
func (t *trust) forget(id tv.HostID) (any bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	err = t.st.Update(func(tx *store.Tx) error {
		for address, h := range t.typed {
			if h.ID == id {
				any = true
				if err := typedHosts.Delete(tx, address); err != nil {
					return err
				}
			}
		}
		for key, k := range t.names {
			if k.ID == id {
				any = true
				if err := knownNames.Delete(tx, key); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return any, err
	}
	for address, h := range t.typed {
		if h.ID == id {
			delete(t.typed, address)
		}
	}
	for key, k := range t.names {
		if k.ID == id {
			delete(t.names, key)
			delete(t.dirty, key)
		}
	}
	return any, nil
}
