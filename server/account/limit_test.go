package account

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"echo.tv/server/tv"
)

func TestAnAddressFailsTenTimesAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, _ := house(t)
		try := func(from netip.Addr, name, password string) error {
			_, _, err := a.SignIn(t.Context(), from, name, password)
			return err
		}
		for n, name := range []string{"ann", "nobody", "../etc", "", "olga", "ann", "ann", strings.Repeat("x", 1000), "olga", "nobody"} {
			password := "wrong wrong"
			if n%2 == 0 {
				password = strings.Repeat("x", 1000)
			}
			want(t, try(street, name, password), tv.Unauthenticated)
		}
		time.Sleep(20 * time.Second)
		err := try(street, "ann", good)
		want(t, err, tv.TooMany)
		if e, ok := errors.AsType[*tv.Error](err); !ok || e.RetryAfter != 40*time.Second {
			t.Errorf("told to come back in %v", e.RetryAfter)
		}
		want(t, try(netip.MustParseAddr("::ffff:192.168.1.66"), "ann", good), tv.TooMany)
		if err := try(couch, "ann", good); err != nil {
			t.Errorf("another address: %v", err)
		}
		time.Sleep(40 * time.Second)
		if err := try(street, "ann", good); err != nil {
			t.Errorf("a minute later: %v", err)
		}
	})
}

func TestTheSameErrorForAWrongNameAndAWrongPassword(t *testing.T) {
	a, _, _ := house(t)
	_, _, name := a.SignIn(t.Context(), street, "nobody", good)
	_, _, password := a.SignIn(t.Context(), street, "ann", "wrong wrong")
	_, _, neither := a.SignIn(t.Context(), street, "%00/", "")
	if name == nil || name != password || name != neither {
		t.Errorf("%v; %v; %v", name, password, neither)
	}
}

func TestGoodSignInsAreNotCounted(t *testing.T) {
	a, _, _ := house(t)
	for range 25 {
		signIn(t, a, "ann")
	}
}

func TestStrangersCannotLockAnnOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, _ := house(t)
		signIn(t, a, "ann") // from her desk
		attack := func() {
			for n := range 20 {
				from := netip.AddrFrom4([4]byte{10, 0, 0, byte(n)})
				_, _, err := a.SignIn(t.Context(), from, "ann", "guess guess")
				want(t, err, tv.Unauthenticated)
			}
		}
		attack()
		_, _, err := a.SignIn(t.Context(), street, "ann", good)
		want(t, err, tv.TooMany)
		_, _, err = a.SignIn(t.Context(), desk, "ann", good)
		if err != nil {
			t.Errorf("ann at her desk: %v", err)
		}
		if _, _, err = a.SignIn(t.Context(), street, "olga", good); err != nil {
			t.Errorf("another name: %v", err)
		}
		time.Sleep(25 * time.Hour)
		attack()
		_, _, err = a.SignIn(t.Context(), desk, "ann", good)
		want(t, err, tv.TooMany)
	})
}

func TestManyGuessesAtOnceDoNotPassTheLimit(t *testing.T) {
	a, _, _ := house(t)
	var judged atomic.Int32
	race(100, func() error {
		_, _, err := a.SignIn(t.Context(), street, "ann", "guess guess")
		if tv.CodeOf(err) == tv.Unauthenticated {
			judged.Add(1)
		}
		return err
	})
	if judged.Load() > 10 {
		t.Errorf("%d guesses were judged", judged.Load())
	}
}

func TestLimitsTakeBoundedMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(3)
		const all = tallyMax + 200
		for n := range all {
			time.Sleep(time.Millisecond)
			if err := l.take(fmt.Sprint(n)); err != nil {
				t.Fatal(err)
			}
		}
		if len(l.seen) != tallyMax {
			t.Errorf("%d entries", len(l.seen))
		}
		if !l.has(fmt.Sprint(all-1)) || l.has("199") {
			t.Error("the newest made room for older ones")
		}
		time.Sleep(time.Minute)
		l.take("one more")
		if len(l.seen) != 1 {
			t.Errorf("%d entries after all but one ended", len(l.seen))
		}
	})
}
