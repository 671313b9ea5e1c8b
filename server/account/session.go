package account

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/netip"
	"slices"
	"time"

	"echo.tv/server/store"
	"echo.tv/server/tv"
)

// SessionLife is the longest that a session lasts, and sessionIdle how long
// without a visit.
const (
	SessionLife = 90 * 24 * time.Hour
	sessionIdle = 14 * 24 * time.Hour

	sessionsMax  = 32        // per user; signing in once more ends the one unused for longest
	seenEvery    = time.Hour // a write is two syncs, too much for every request
	tokenLen     = 32        // bytes
	tokenTextLen = 43        // the same in base64
)

// session is kept under the SHA-256 of its token.
type session struct {
	User tv.UserID
	Made time.Time
	Seen time.Time
}

func (s session) alive() bool { return fresh(s.Made, SessionLife) && fresh(s.Seen, sessionIdle) }

func (s session) due() bool { return now().Sub(s.Seen) >= seenEvery }

var sessions = store.NewBucket[session]("sessions")

var (
	errSignedOut = tv.Errorf(tv.Unauthenticated, "nobody is signed in").Hint("sign in")
	errNoted     = errors.New("noted already") // ends a transaction without the syncs of a commit
	errWrong     = tv.Errorf(tv.Unauthenticated, "that name and password do not belong together")
)

// SignIn returns a new session of the account called name, or Unauthenticated,
// the same whether the name or the password was wrong. After 10 failures a
// minute an address gets TooMany, and after 20 a name does from every address,
// save where it signed in within the last day: strangers cannot lock its owner
// out. The error is Unavailable while too many others sign in.
func (a *Accounts) SignIn(ctx context.Context, remote netip.Addr, name, password string) (token string, u User, err error) {
	ip := address(remote)
	if err := a.signInsByIP.take(ip); err != nil {
		return "", User{}, err
	}
	parsed, err := tv.ParseChannelName(name)
	if err != nil || len(password) > passwordMax {
		return "", User{}, errWrong
	}
	known := string(parsed) + " " + ip
	stranger := !a.welcome.has(known)
	if stranger {
		if err := a.signInsByName.take(string(parsed)); err != nil {
			a.signInsByIP.takeBack(ip) // it was never judged
			return "", User{}, err
		}
	}
	u, err = a.authenticate(ctx, parsed, password)
	if err == errWrong {
		return "", User{}, err
	}
	a.signInsByIP.takeBack(ip) // right, or never judged
	if stranger {
		a.signInsByName.takeBack(string(parsed))
	}
	if err != nil {
		return "", User{}, err
	}
	a.welcome.renew(known)
	token, err = a.StartSession(ctx, u)
	return token, u, err
}

func (a *Accounts) authenticate(ctx context.Context, name tv.ChannelName, password string) (User, error) {
	var id tv.UserID
	var row userRow
	err := a.st.View(func(tx *store.Tx) (err error) {
		id, row, err = userNamed(tx, name)
		if tv.CodeOf(err) == tv.NotFound {
			return nil // the zero row, whose password matches nothing
		}
		return err
	})
	if err != nil {
		return User{}, err
	}
	right, err := a.hasher.matches(ctx, password, row.Password)
	if err != nil {
		return User{}, err
	}
	if !right {
		return User{}, errWrong
	}
	return row.user(id), nil
}

// StartSession signs u in without asking for the password: Claim and SignUp have
// just heard it.
func (a *Accounts) StartSession(_ context.Context, u User) (token string, err error) {
	raw := make([]byte, tokenLen)
	rand.Read(raw)
	token = base64.RawURLEncoding.EncodeToString(raw)
	err = a.st.Update(func(tx *store.Tx) error {
		if err := dropOldSessions(tx, u.ID); err != nil {
			return err
		}
		return sessions.Put(tx, digest(token), session{u.ID, now(), now()})
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// dropOldSessions ends what is over, and makes room for one more of user.
func dropOldSessions(tx *store.Tx, user tv.UserID) error {
	type mine struct {
		key  string
		seen time.Time
	}
	var old []string
	var kept []mine
	err := sessions.Each(tx, "", func(key string, s session) error {
		if !s.alive() {
			old = append(old, key)
		} else if s.User == user {
			kept = append(kept, mine{key, s.Seen})
		}
		return nil
	})
	slices.SortFunc(kept, func(a, b mine) int { return b.seen.Compare(a.seen) })
	for _, s := range kept[min(sessionsMax-1, len(kept)):] {
		old = append(old, s.key)
	}
	for _, key := range old {
		if err == nil {
			err = sessions.Delete(tx, key)
		}
	}
	return err
}

// Session returns who is signed in with token, or Unauthenticated. It keeps the
// session alive, with a write to the store once an hour; a full disk does not
// sign anybody out.
func (a *Accounts) Session(_ context.Context, token string) (u User, err error) {
	var s session
	err = a.st.View(func(tx *store.Tx) (err error) {
		s, u, err = signedIn(tx, token)
		return err
	})
	if err != nil {
		return User{}, err
	}
	if s.due() {
		_ = a.st.Update(func(tx *store.Tx) error { return touch(tx, token) }) // the next request tries again
	}
	return u, nil
}

// touch notes that a session is in use, unless it was signed out in this moment
// or another request noted it.
func touch(tx *store.Tx, token string) error {
	s, _, err := signedIn(tx, token)
	if err != nil {
		return err
	}
	if !s.due() {
		return errNoted
	}
	s.Seen = now()
	return sessions.Put(tx, digest(token), s)
}

func signedIn(tx *store.Tx, token string) (session, User, error) {
	if len(token) != tokenTextLen {
		return session{}, User{}, errSignedOut
	}
	s, found, err := sessions.Get(tx, digest(token))
	if err != nil {
		return session{}, User{}, err
	}
	if !found || !s.alive() {
		return session{}, User{}, errSignedOut
	}
	row, found, err := users.Get(tx, string(s.User))
	if err == nil && !found {
		err = errSignedOut
	}
	return s, row.user(s.User), err
}

// SignOut ends the session of token; one that is over already is not an error.
func (a *Accounts) SignOut(_ context.Context, token string) error {
	if len(token) != tokenTextLen {
		return nil
	}
	return a.st.Update(func(tx *store.Tx) error { return sessions.Delete(tx, digest(token)) })
}

// ChangePassword gives the one who is signed in with token a new password and
// ends all their other sessions. The error is Unauthenticated when old is
// wrong, TooMany after 10 wrong ones a minute, Invalid for a new one that cannot be.
func (a *Accounts) ChangePassword(ctx context.Context, token, old, next string) error {
	u, err := a.Session(ctx, token)
	if err != nil {
		return err
	}
	if err := checkPassword(u.Name, next); err != nil {
		return err
	}
	if err := a.oldPasswords.take(string(u.ID)); err != nil {
		return err
	}
	wrong := tv.Errorf(tv.Unauthenticated, "that is not your password of now")
	if len(old) > passwordMax {
		return wrong
	}
	if _, err = a.authenticate(ctx, u.Name, old); err == errWrong {
		return wrong
	}
	a.oldPasswords.takeBack(string(u.ID))
	if err != nil {
		return err
	}
	hash, err := a.hasher.hash(ctx, next)
	if err != nil {
		return err
	}
	return a.st.Update(func(tx *store.Tx) error { return changePassword(tx, token, hash) })
}

func changePassword(tx *store.Tx, token string, hash passwordHash) error {
	s, _, err := signedIn(tx, token)
	if err != nil {
		return err
	}
	row, _, err := users.Get(tx, string(s.User))
	if err != nil {
		return err
	}
	row.Password = hash
	if err := users.Put(tx, string(s.User), row); err != nil {
		return err
	}
	var others []string
	err = sessions.Each(tx, "", func(key string, other session) error {
		if other.User == s.User && key != digest(token) {
			others = append(others, key)
		}
		return nil
	})
	for _, key := range others {
		if err == nil {
			err = sessions.Delete(tx, key)
		}
	}
	return err
}
