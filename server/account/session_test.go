package account

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"echo.tv/server/store"
	"echo.tv/server/tv"
)

func signIn(t *testing.T, a *Accounts, name string) (token string) {
	t.Helper()
	token, _, err := a.SignIn(t.Context(), desk, name, good)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (a *Accounts) knows(t *testing.T, token string) bool {
	t.Helper()
	_, err := a.Session(t.Context(), token)
	if err != nil && tv.CodeOf(err) != tv.Unauthenticated {
		t.Errorf("a session ended with %v", err)
	}
	return err == nil
}

func TestSignInAndOut(t *testing.T) {
	a, _, ann := house(t)
	token, u, err := a.SignIn(t.Context(), desk, " ANN ", good)
	if err != nil || u != ann || len(token) != tokenTextLen {
		t.Fatalf("got %q, %+v, %v", token, u, err)
	}
	other := signIn(t, a, "ann")
	if token == other {
		t.Error("two sessions share a token")
	}
	if u, err := a.Session(t.Context(), token); err != nil || u != ann {
		t.Errorf("the session is of %+v, %v", u, err)
	}
	for range 2 {
		if err := a.SignOut(t.Context(), token); err != nil {
			t.Error(err)
		}
	}
	if a.knows(t, token) || !a.knows(t, other) {
		t.Error("signing out ended the wrong session")
	}
}

func TestHostileTokensAreNobody(t *testing.T) {
	a, _, _ := house(t)
	token := signIn(t, a, "ann")
	for _, bad := range []string{
		"", " ", token[1:], token + "=", strings.ToLower(token), strings.Repeat("A", tokenTextLen),
		digest(token), digest(token)[:tokenTextLen], strings.Repeat("\x00", tokenTextLen), strings.Repeat("x", 1<<20),
	} {
		if a.knows(t, bad) {
			t.Errorf("%.50q is signed in", bad)
		}
		if err := a.SignOut(t.Context(), bad); err != nil {
			t.Errorf("signing %.50q out: %v", bad, err)
		}
		want(t, a.ChangePassword(t.Context(), bad, good, "another good one"), tv.Unauthenticated)
	}
	if !a.knows(t, token) {
		t.Error("the real one is gone")
	}
}

func TestASessionEndsWhenIdleForTwoWeeks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, _ := house(t)
		visited, idle := signIn(t, a, "ann"), signIn(t, a, "ann")
		for range 3 {
			time.Sleep(sessionIdle - time.Minute)
			if !a.knows(t, visited) {
				t.Fatal("a visited session ended")
			}
		}
		if a.knows(t, idle) {
			t.Error("an idle session is alive")
		}
	})
}

func TestASessionEndsAfterNinetyDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, _ := house(t)
		token := signIn(t, a, "ann")
		for range 89 {
			time.Sleep(24 * time.Hour)
			a.knows(t, token)
		}
		if !a.knows(t, token) {
			t.Error("ended after 89 days")
		}
		time.Sleep(24 * time.Hour)
		if a.knows(t, token) {
			t.Error("alive after 90 days")
		}
	})
}

// A machine whose clock ran years ahead and was then set right must not have
// sessions that last for years; one whose clock is set back by minutes must not
// sign everybody out.
func TestOddClocksNeitherExtendNorEndSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, _ := house(t)
		for _, tt := range []struct {
			ahead time.Duration
			alive bool
		}{
			{10 * time.Minute, true},
			{23 * time.Hour, true},
			{25 * time.Hour, false},
			{50 * 365 * 24 * time.Hour, false},
		} {
			token := signIn(t, a, "ann")
			err := a.st.Update(func(tx *store.Tx) error {
				s, _, err := sessions.Get(tx, digest(token))
				s.Made, s.Seen = s.Made.Add(tt.ahead), s.Seen.Add(tt.ahead)
				if err != nil {
					return err
				}
				return sessions.Put(tx, digest(token), s)
			})
			if err != nil {
				t.Fatal(err)
			}
			if a.knows(t, token) != tt.alive {
				t.Errorf("%v ahead: alive is %v", tt.ahead, !tt.alive)
			}
		}
	})
}

func TestASessionIsWrittenOnceAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, _ := house(t)
		token := signIn(t, a, "ann")
		seen := func() (at time.Time) {
			a.st.View(func(tx *store.Tx) error {
				s, _, err := sessions.Get(tx, digest(token))
				at = s.Seen
				return err
			})
			return at
		}
		first := seen()
		for range 59 {
			time.Sleep(time.Minute)
			a.knows(t, token)
		}
		if !seen().Equal(first) {
			t.Error("written within the hour")
		}
		time.Sleep(time.Minute)
		a.knows(t, token)
		if got := seen().Sub(first); got != time.Hour {
			t.Errorf("seen after %v", got)
		}
	})
}

func TestAUserKeepsThe32NewestSessions(t *testing.T) {
	a, olga, ann := house(t)
	hers := signIn(t, a, "olga")
	var tokens []string
	for range sessionsMax + 3 {
		token, err := a.StartSession(t.Context(), ann)
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, token)
	}
	for n, token := range tokens {
		if a.knows(t, token) != (n >= 3) {
			t.Errorf("session %d: alive is %v", n, n < 3)
		}
	}
	if u, err := a.Session(t.Context(), hers); err != nil || u != olga {
		t.Errorf("ann's sessions ended olga's: %v", err)
	}
}

func TestANewPasswordEndsAllOtherSessions(t *testing.T) {
	a, _, _ := house(t)
	mine, other, olgas := signIn(t, a, "ann"), signIn(t, a, "ann"), signIn(t, a, "olga")
	const next = "staple battery horse"
	change := func(old, new string) error { return a.ChangePassword(t.Context(), mine, old, new) }
	want(t, change("wrong wrong", next), tv.Unauthenticated)
	want(t, change(strings.Repeat("x", 1<<20), next), tv.Unauthenticated)
	want(t, change(good, "short"), tv.Invalid)
	want(t, change(good, "ANN"), tv.Invalid)
	if !a.knows(t, other) {
		t.Fatal("a failed change ended a session")
	}
	if err := change(good, next); err != nil {
		t.Fatal(err)
	}
	if !a.knows(t, mine) || a.knows(t, other) || !a.knows(t, olgas) {
		t.Error("the wrong sessions ended")
	}
	_, _, err := a.SignIn(t.Context(), desk, "ann", good)
	want(t, err, tv.Unauthenticated)
	if _, _, err = a.SignIn(t.Context(), desk, "ann", next); err != nil {
		t.Error(err)
	}
}

func TestAStolenSessionDoesNotGuessThePassword(t *testing.T) {
	a, _, _ := house(t)
	token := signIn(t, a, "ann")
	for range 10 {
		want(t, a.ChangePassword(t.Context(), token, "guess guess", "another good one"), tv.Unauthenticated)
	}
	want(t, a.ChangePassword(t.Context(), token, good, "another good one"), tv.TooMany)
}
