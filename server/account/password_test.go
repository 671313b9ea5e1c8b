package account

import (
	"bytes"
	"context"
	"encoding/hex"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"echo.tv/server/tv"
)

func TestPasswordsAreHashedAsOWASPAsks(t *testing.T) {
	h := newHasher()
	if h.cost != (cost{Memory: 19456, Time: 2, Threads: 1}) {
		t.Errorf("the cost is %+v", h.cost)
	}
	one, err := h.hash(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	two, err := h.hash(t.Context(), good)
	if err != nil || bytes.Equal(one.Salt, two.Salt) || bytes.Equal(one.Sum, two.Sum) || len(one.Salt) != 16 || len(one.Sum) != 32 {
		t.Errorf("%+v, %+v, %v", one, two, err)
	}
	if same, err := h.matches(t.Context(), good, one); err != nil || !same {
		t.Errorf("the password does not match itself: %v", err)
	}
	for _, wrong := range []string{"", "Correct horse battery", good + "\x00"} {
		if same, err := h.matches(t.Context(), wrong, one); err != nil || same {
			t.Errorf("%q matches: %v", wrong, err)
		}
	}
}

// The vector is in src/test.c of the reference implementation,
// P-H-C/phc-winner-argon2.
func TestHashIsArgon2id(t *testing.T) {
	got := hex.EncodeToString(cost{Memory: 1 << 16, Time: 2, Threads: 1}.sum("password", []byte("somesalt")))
	if got != "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7" {
		t.Error(got)
	}
}

func TestNothingMatchesTheZeroHash(t *testing.T) {
	h := newHasher()
	h.cost = quick
	for _, password := range []string{"", good} {
		if same, err := h.matches(t.Context(), password, passwordHash{}); err != nil || same {
			t.Errorf("%q matches: %v", password, err)
		}
	}
}

func TestTwoHashesRunSixteenWaitAndTheRestComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher()
		release := make(chan struct{})
		var running atomic.Int32
		results := make(chan error, 18)
		for range 18 {
			go func() { results <- h.run(t.Context(), func() { running.Add(1); <-release }) }()
			synctest.Wait()
		}
		if running.Load() != 2 {
			t.Errorf("%d run at once", running.Load())
		}
		want(t, h.run(t.Context(), func() { t.Error("the 19th ran") }), tv.Unavailable)
		close(release)
		for range 18 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		if err := h.run(t.Context(), func() {}); err != nil {
			t.Error(err)
		}
	})
}

func TestWhoLeavesFreesItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher()
		release := make(chan struct{})
		for range hashesAtOnce {
			go h.run(t.Context(), func() { <-release })
		}
		synctest.Wait()
		ctx, leave := context.WithCancel(t.Context())
		left := make(chan error, hashesWaiting)
		for range hashesWaiting {
			go func() { left <- h.run(ctx, func() { t.Error("ran after it left") }) }()
		}
		synctest.Wait()
		leave()
		for range hashesWaiting {
			want(t, <-left, tv.Unavailable)
		}
		synctest.Wait()
		if len(h.room) != hashesAtOnce {
			t.Errorf("%d places are taken", len(h.room))
		}
		close(release)
	})
}
