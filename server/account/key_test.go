package account

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"echo.tv/server/store"
	"echo.tv/server/tv"
)

func newKey(t *testing.T, a *Accounts, u User, label string) (Key, tv.StreamKey) {
	t.Helper()
	k, secret, err := a.NewKey(t.Context(), u, label)
	if err != nil {
		t.Fatal(err)
	}
	return k, secret
}

func TestAKeyOpensItsChannelUntilItIsRotatedOrRevoked(t *testing.T) {
	a, _, ann := house(t)
	k, first := newKey(t, a, ann, "laptop")
	allows := func(key tv.StreamKey) error {
		g, err := a.Publisher(t.Context(), desk, key)
		if err == nil && g != (Grant{"ann", k.ID, "laptop"}) {
			t.Errorf("allows %+v", g)
		}
		return err
	}
	if err := allows(first); err != nil {
		t.Fatal(err)
	}
	rotated, second, err := a.RotateKey(t.Context(), ann, k.ID)
	if err != nil || rotated.ID != k.ID || rotated.Label != "laptop" || !rotated.LastUsed.IsZero() || second.Equal(first) {
		t.Fatalf("rotated to %+v, %v", rotated, err)
	}
	want(t, allows(first), tv.NotFound)
	if err := allows(second); err != nil {
		t.Error(err)
	}
	if got, err := a.RevealKey(t.Context(), ann, k.ID); err != nil || !got.Equal(second) {
		t.Errorf("revealed %v, %v", got, err)
	}
	if err := a.RevokeKey(t.Context(), ann, k.ID); err != nil {
		t.Error(err)
	}
	want(t, allows(second), tv.NotFound)
	want(t, a.RevokeKey(t.Context(), ann, k.ID), tv.NotFound)
	if list, err := a.Keys(t.Context(), ann); err != nil || len(list) != 0 {
		t.Errorf("left: %+v, %v", list, err)
	}
	left := 0
	a.st.View(func(tx *store.Tx) error {
		return keyPaths.Each(tx, "", func(string, string) error { left++; return nil })
	})
	if left != 0 {
		t.Errorf("%d ways to dead keys are left", left)
	}
}

func TestKeysAreListedWithoutTheirSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, olga, ann := house(t)
		newKey(t, a, olga, "not hers")
		_, one := newKey(t, a, ann, " lap\x00top\u202e ")
		time.Sleep(time.Minute)
		newKey(t, a, ann, "")
		list, err := a.Keys(t.Context(), ann)
		if err != nil || len(list) != 2 || list[0].Label != "laptop" || list[1].Label != "OBS" {
			t.Fatalf("got %+v, %v", list, err)
		}
		if list[0].Redacted != one.String() || !list[0].LastUsed.IsZero() {
			t.Errorf("got %+v", list[0])
		}
	})
}

func TestOthersKeysAreNotFound(t *testing.T) {
	a, olga, ann := house(t)
	k, secret := newKey(t, a, ann, "")
	for _, id := range []string{k.ID, string(ann.ID) + "/" + k.ID, "../" + string(ann.ID) + "/" + k.ID, "", "/", "\x00", strings.Repeat("x", 1<<16)} {
		_, err := a.RevealKey(t.Context(), olga, id)
		want(t, err, tv.NotFound)
		_, _, err = a.RotateKey(t.Context(), olga, id)
		want(t, err, tv.NotFound)
		want(t, a.RevokeKey(t.Context(), olga, id), tv.NotFound)
	}
	if _, err := a.Publisher(t.Context(), desk, secret); err != nil {
		t.Errorf("the key is gone: %v", err)
	}
}

func TestAViewerPublishesNothing(t *testing.T) {
	a, _, _ := house(t)
	vic := add(t, a, "vic", tv.Viewer)
	_, _, err := a.NewKey(t.Context(), vic, "")
	want(t, err, tv.Forbidden)
	vic.Role = tv.Admin // as a caller with an old idea of the role has it
	_, _, err = a.NewKey(t.Context(), vic, "")
	want(t, err, tv.Forbidden)

	sam := add(t, a, "sam", tv.Streamer)
	_, secret := newKey(t, a, sam, "")
	err = a.st.Update(func(tx *store.Tx) error {
		row, _, err := users.Get(tx, string(sam.ID))
		row.Role = tv.Viewer
		return errors.Join(err, users.Put(tx, string(sam.ID), row))
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Publisher(t.Context(), desk, secret)
	want(t, err, tv.NotFound)
}

func TestTwentyKeysAreEnough(t *testing.T) {
	a, olga, ann := house(t)
	for range keysMax {
		newKey(t, a, ann, "")
	}
	_, _, err := a.NewKey(t.Context(), ann, "")
	want(t, err, tv.Conflict)
	newKey(t, a, olga, "")
	_, _, err = a.NewKey(t.Context(), olga, strings.Repeat("é", labelMax+1))
	want(t, err, tv.Invalid)
	newKey(t, a, olga, strings.Repeat("é", labelMax))
}

func TestWrongKeysAreSlowedAndGoodOnesAreNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, ann := house(t)
		_, secret := newKey(t, a, ann, "")
		wrong := func() error {
			_, err := a.Publisher(t.Context(), street, tv.NewStreamKey())
			return err
		}
		for range 9 {
			want(t, wrong(), tv.NotFound)
		}
		_, err := a.Publisher(t.Context(), street, tv.StreamKey{})
		want(t, err, tv.NotFound)
		err = wrong()
		want(t, err, tv.TooMany)
		if e, _ := errors.AsType[*tv.Error](err); e.RetryAfter != time.Minute {
			t.Errorf("told to come back in %v", e.RetryAfter)
		}
		if _, err := a.Publisher(t.Context(), street, secret); err != nil {
			t.Errorf("a good key from there: %v", err)
		}
		_, err = a.Publisher(t.Context(), couch, tv.NewStreamKey())
		want(t, err, tv.NotFound)
		time.Sleep(time.Minute)
		want(t, wrong(), tv.NotFound)
	})
}

func TestLastUseIsShownAtOnceAndWrittenOnceAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, ann := house(t)
		k, secret := newKey(t, a, ann, "")
		start := now()
		written := func() (at time.Time) {
			a.st.View(func(tx *store.Tx) error {
				row, _, err := keys.Get(tx, keyPath(ann.ID, k.ID))
				at = row.LastUsed
				return err
			})
			return at
		}
		for range 6 {
			if _, err := a.Publisher(t.Context(), desk, secret); err != nil {
				t.Fatal(err)
			}
			if list, _ := a.Keys(t.Context(), ann); !list[0].LastUsed.Equal(now()) {
				t.Errorf("shown as used at %v", list[0].LastUsed)
			}
			time.Sleep(10 * time.Minute)
		}
		if !written().Equal(start) {
			t.Errorf("written %v after the first use", written().Sub(start))
		}
		a.Publisher(t.Context(), desk, secret)
		if got := written().Sub(start); got != time.Hour {
			t.Errorf("written after %v", got)
		}
	})
}

func TestADamagedKeyIsListedAndCanBeRevoked(t *testing.T) {
	a, _, ann := house(t)
	k, _ := newKey(t, a, ann, "one")
	other, _ := newKey(t, a, ann, "two")
	err := a.st.Update(func(tx *store.Tx) error { // as if somebody swapped two rows to see the one as the other
		row, _, err := keys.Get(tx, keyPath(ann.ID, other.ID))
		return errors.Join(err, keys.Put(tx, keyPath(ann.ID, k.ID), row))
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.RevealKey(t.Context(), ann, k.ID)
	want(t, err, tv.Storage)
	if list, err := a.Keys(t.Context(), ann); err != nil || len(list) != 2 {
		t.Errorf("%+v, %v", list, err)
	}
	if err := a.RevokeKey(t.Context(), ann, k.ID); err != nil {
		t.Error(err)
	}
}
