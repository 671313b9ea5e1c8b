package account

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"echo.tv/server/store"
	"echo.tv/server/tv"
)

const good = "correct horse battery"

var (
	desk   = netip.MustParseAddr("192.168.1.20")
	couch  = netip.MustParseAddr("192.168.1.21")
	street = netip.MustParseAddr("192.168.1.66") // where Mallory sits
)

// quick is argon2id at its smallest: 20 µs a hash instead of 30 ms.
var quick = cost{Memory: 8, Time: 1, Threads: 1}

// at opens the accounts of dir, to be closed by the end of the test.
func at(t *testing.T, dir string) *Accounts {
	t.Helper()
	st, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	secret, err := LoadSecret(dir)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Open(st, secret)
	if err != nil {
		t.Fatal(err)
	}
	a.hasher.cost = quick
	return a
}

// house is a host that Olga owns and where Ann streams.
func house(t *testing.T) (a *Accounts, olga, ann User) {
	t.Helper()
	a = at(t, t.TempDir())
	return a, add(t, a, "olga", tv.Owner), add(t, a, "ann", tv.Streamer)
}

func add(t *testing.T, a *Accounts, name string, role tv.Role) User {
	t.Helper()
	u, err := a.AddUser(t.Context(), name, good, role)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func want(t *testing.T, err error, code tv.Code) {
	t.Helper()
	if err == nil || tv.CodeOf(err) != code {
		t.Errorf("want %s, got %v", code, err)
	}
}

func TestAccountsOutliveTheProcess(t *testing.T) {
	dir := t.TempDir()
	a := at(t, dir)
	olga := add(t, a, "Olga", tv.Owner)
	key, secret, err := a.NewKey(t.Context(), olga, "desk")
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := a.SignIn(t.Context(), desk, "olga", good)
	if err != nil {
		t.Fatal(err)
	}
	id := a.InstallID()
	a.st.Close()

	a = at(t, dir)
	if !a.Owned() || a.ClaimCode() != "" || a.InstallID() != id {
		t.Error("the host forgot whose it is")
	}
	if u, err := a.Session(t.Context(), token); err != nil || u != olga {
		t.Errorf("the session is of %v, %v", u, err)
	}
	if got, err := a.RevealKey(t.Context(), olga, key.ID); err != nil || !got.Equal(secret) {
		t.Errorf("the key is %v, %v", got, err)
	}
	if g, err := a.Publisher(t.Context(), desk, secret); err != nil || g != (Grant{"olga", key.ID, "desk"}) {
		t.Errorf("the key allows %v, %v", g, err)
	}
}

func TestNamesAndPasswordsThatCannotBe(t *testing.T) {
	a, _, _ := house(t)
	long := strings.Repeat("x", 256)
	for _, tt := range []struct {
		name, password string
		code           tv.Code
	}{
		{"", good, tv.Invalid},
		{"a", good, tv.Invalid},
		{"-ann", good, tv.Invalid},
		{"../etc", good, tv.Invalid},
		{"a/b", good, tv.Invalid},
		{"bob\x00", good, tv.Invalid},
		{"bob\nadmin", good, tv.Invalid},
		{"bоb", good, tv.Invalid}, // a Cyrillic о
		{"<script>", good, tv.Invalid},
		{strings.Repeat("b", 25), good, tv.Invalid},
		{strings.Repeat("b", 1<<16), good, tv.Invalid},
		{"ANN", good, tv.Conflict},
		{" ann ", good, tv.Conflict},
		{"bob", "", tv.Invalid},
		{"bob", "1234567", tv.Invalid},
		{"bob", long + "x", tv.Invalid},
		{"bob", strings.Repeat("x", 1<<20), tv.Invalid},
		{"bobby-the-first", "Bobby-The-First", tv.Invalid},
	} {
		_, err := a.SignUp(t.Context(), stranger(), tt.name, tt.password, "")
		want(t, err, tt.code)
		if err != nil && len(err.Error()) > 300 {
			t.Errorf("%.20q: the error repeats %d bytes", tt.name, len(err.Error()))
		}
	}
	for name, password := range map[string]string{"bob": long, "b0": "12345678", "b1": "\x00\xff\xfe 😀\n", "b2": "пароль"} {
		if _, err := a.SignUp(t.Context(), stranger(), name, password, ""); err != nil {
			t.Errorf("%q: %v", password, err)
		}
		if _, _, err := a.SignIn(t.Context(), desk, name, password); err != nil {
			t.Errorf("%q: %v", password, err)
		}
		_, _, err := a.SignIn(t.Context(), desk, name, password+" ")
		want(t, err, tv.Unauthenticated)
	}
}

func TestAddUserKnowsTheRolesAndOneOwner(t *testing.T) {
	a := at(t, t.TempDir())
	early := add(t, a, "early", tv.Viewer) // before there is an owner, from the machine itself
	if a.Owned() || early.Role != tv.Viewer {
		t.Error("a viewer owns the host")
	}
	add(t, a, "olga", tv.Owner)
	_, err := a.AddUser(t.Context(), "otto", good, tv.Owner)
	want(t, err, tv.Conflict)
	_, err = a.AddUser(t.Context(), "otto", good, "root")
	want(t, err, tv.Invalid)
	_, err = a.AddUser(t.Context(), "otto", good, "")
	want(t, err, tv.Invalid)
	add(t, a, "otto", tv.Admin)
	_, err = a.UserByName("nobody")
	want(t, err, tv.NotFound)
	if u, err := a.UserByName("otto"); err != nil || u.Role != tv.Admin || u.ID == "" || u.Created.IsZero() {
		t.Errorf("otto is %+v, %v", u, err)
	}
}

func TestOneNameIsTakenOnce(t *testing.T) {
	a, _, _ := house(t)
	if won := race(8, func() error {
		_, err := a.SignUp(context.Background(), stranger(), "bob", good, "")
		return err
	}); won != 1 {
		t.Errorf("%d of 8 got the name", won)
	}
}

// race runs do n times at once and returns how many of them succeeded.
func race(n int, do func() error) (won int) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	start := make(chan struct{})
	for range n {
		wg.Go(func() {
			<-start
			if err := do(); err == nil {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	close(start)
	wg.Wait()
	return won
}
