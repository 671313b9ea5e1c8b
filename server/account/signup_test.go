package account

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"echo.tv/server/store"
	"echo.tv/server/tv"
)

func TestPolicyDecidesWhoSignsUp(t *testing.T) {
	a, olga, ann := house(t)
	signUp := func(name, code string) error {
		u, err := a.SignUp(t.Context(), stranger(), name, good, code)
		if err == nil && u.Role != tv.Streamer {
			t.Errorf("%s signed up as %s", name, u.Role)
		}
		return err
	}
	set := func(u User, p Policy) error { return a.SetPolicy(t.Context(), u, p) }

	if a.Policy() != PolicyOpen {
		t.Errorf("a new host is %s", a.Policy())
	}
	if err := signUp("bob", ""); err != nil {
		t.Error(err)
	}
	want(t, set(ann, PolicyClosed), tv.Forbidden)
	want(t, set(User{ID: "nobody", Role: tv.Owner}, PolicyClosed), tv.Forbidden)
	for _, p := range []Policy{"", "OPEN", "public", "open\n"} {
		want(t, set(olga, p), tv.Invalid)
	}
	if err := set(olga, PolicyClosed); err != nil || a.Policy() != PolicyClosed {
		t.Errorf("%s, %v", a.Policy(), err)
	}
	want(t, signUp("cy", ""), tv.Forbidden)

	if err := set(olga, PolicyInvite); err != nil {
		t.Error(err)
	}
	_, err := a.NewInvite(t.Context(), ann)
	want(t, err, tv.Forbidden)
	code, err := a.NewInvite(t.Context(), olga)
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{"", "guess", newCode()} {
		want(t, signUp("cy", wrong), tv.Forbidden)
	}
	want(t, signUp("ann", code), tv.Conflict) // and the invite is still good
	if err := signUp("cy", code); err != nil {
		t.Error(err)
	}
	want(t, signUp("dan", code), tv.Forbidden)
}

func TestAnInviteLetsOneIn(t *testing.T) {
	a, olga, _ := house(t)
	if err := a.SetPolicy(t.Context(), olga, PolicyInvite); err != nil {
		t.Fatal(err)
	}
	code, err := a.NewInvite(t.Context(), olga)
	if err != nil {
		t.Fatal(err)
	}
	names := make(chan string, 4)
	for _, n := range []string{"n1", "n2", "n3", "n4"} {
		names <- n
	}
	if won := race(4, func() error {
		_, err := a.SignUp(t.Context(), stranger(), <-names, good, code)
		return err
	}); won != 1 {
		t.Errorf("one invite let %d in", won)
	}
}

func TestAnInviteEndsAfterSevenDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, olga, _ := house(t)
		if err := a.SetPolicy(t.Context(), olga, PolicyInvite); err != nil {
			t.Fatal(err)
		}
		first, _ := a.NewInvite(t.Context(), olga)
		second, _ := a.NewInvite(t.Context(), olga)
		time.Sleep(InviteLife - time.Second)
		if _, err := a.SignUp(t.Context(), stranger(), "bob", good, first); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		_, err := a.SignUp(t.Context(), stranger(), "cy", good, second)
		want(t, err, tv.Forbidden)
		if _, err = a.NewInvite(t.Context(), olga); err != nil {
			t.Error(err)
		}
		left := 0
		a.st.View(func(tx *store.Tx) error {
			return invites.Each(tx, "", func(string, invite) error { left++; return nil })
		})
		if left != 1 {
			t.Errorf("%d invites are kept", left)
		}
	})
}

func TestAHostHasRoomForSoManyAccounts(t *testing.T) {
	a, _, _ := house(t)
	err := a.st.Update(func(tx *store.Tx) error {
		for range usersMax {
			if err := names.Put(tx, string(tv.NewUserID()), "x"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.SignUp(t.Context(), stranger(), "bob", good, "")
	want(t, err, tv.Forbidden)
}

// stranger returns an address that nobody has signed up from yet.
func stranger() netip.Addr {
	n := strangers.Add(1)
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

var strangers atomic.Uint32

func TestOneAddressCannotFillTheStore(t *testing.T) {
	a, _, _ := house(t)
	from := stranger()
	var err error
	for i := range 25 {
		if _, err = a.SignUp(t.Context(), from, fmt.Sprintf("guest%d", i), good, ""); err != nil {
			break
		}
	}
	if tv.CodeOf(err) != tv.TooMany {
		t.Errorf("25 accounts at once: %v", err)
	}
	if _, err := a.SignUp(t.Context(), stranger(), "neighbour", good, ""); err != nil {
		t.Errorf("a neighbour: %v", err)
	}
}
