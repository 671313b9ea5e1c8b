package account

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"echo.tv/server/store"
	"echo.tv/server/tv"
)

// reopen opens the accounts of dir again, and returns what it is told.
func reopen(t *testing.T, dir string) error {
	t.Helper()
	st, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	secret, err := LoadSecret(dir)
	if err == nil {
		_, err = Open(st, secret)
	}
	return err
}

func TestTheSecretIsMadeOnceForItsUserOnly(t *testing.T) {
	dir := t.TempDir()
	a := at(t, dir)
	a.st.Close()
	file := filepath.Join(dir, secretName)
	first, err := os.ReadFile(file)
	if err != nil || len(first) != 2*secretLen+1 {
		t.Fatalf("%d bytes, %v", len(first), err)
	}
	os.Chmod(file, 0o644)
	if err := reopen(t, dir); err != nil {
		t.Fatal(err)
	}
	if second, _ := os.ReadFile(file); !bytes.Equal(first, second) {
		t.Error("the secret changed")
	}
	if info, _ := os.Stat(file); runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v", info.Mode())
	}
}

func TestALostSecretIsMadeAnewOnlyWhileNothingIsSealed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, secretName)
	a := at(t, dir)
	olga := add(t, a, "olga", tv.Owner)
	a.st.Close()
	os.Remove(file)
	a = at(t, dir) // no keys yet: nothing is lost
	k, secret := newKey(t, a, olga, "")
	a.st.Close()
	kept, _ := os.ReadFile(file)

	for name, lose := range map[string]func(){
		"missing":   func() { os.Remove(file) },
		"another":   func() { os.WriteFile(file, []byte(strings.Repeat("ab", secretLen)), 0o600) },
		"empty":     func() { os.WriteFile(file, nil, 0o600) },
		"cut":       func() { os.WriteFile(file, kept[:40], 0o600) },
		"not hex":   func() { os.WriteFile(file, []byte(strings.Repeat("zz", secretLen)), 0o600) },
		"a folder":  func() { os.Remove(file); os.Mkdir(file, 0o700) },
		"too much":  func() { os.WriteFile(file, bytes.Repeat([]byte("ab"), 5000), 0o600) },
		"two lines": func() { os.WriteFile(file, append(kept, kept...), 0o600) },
	} {
		lose()
		before, _ := os.ReadFile(file)
		err := reopen(t, dir)
		want(t, err, tv.Storage)
		if err != nil && (!strings.Contains(err.Error(), file) || strings.Contains(err.Error(), string(kept[:16]))) {
			t.Errorf("%s: the error is %v", name, err)
		}
		if after, _ := os.ReadFile(file); !bytes.Equal(before, after) {
			t.Errorf("%s: a new secret was made in silence", name)
		}
		os.RemoveAll(file)
	}

	os.WriteFile(file, kept, 0o600)
	a = at(t, dir)
	if got, err := a.RevealKey(t.Context(), olga, k.ID); err != nil || !got.Equal(secret) {
		t.Errorf("with the secret put back: %v, %v", got, err)
	}
}

// Whatever somebody prints, logs or serialises while looking for a fault, no
// secret is in it; and whatever is on the disk, a thief of the folder finds no
// password, token or code, and of the store alone no stream key either.
func TestNoSecretIsPrintedOrKept(t *testing.T) {
	dir := t.TempDir()
	a := at(t, dir)
	loaded, err := LoadSecret(dir)
	if err != nil {
		t.Fatal(err)
	}
	claim := a.ClaimCode()
	olga, err := a.Claim(t.Context(), claim, "olga", good)
	if err != nil {
		t.Fatal(err)
	}
	k, key := newKey(t, a, olga, "desk")
	token, _, err := a.SignIn(t.Context(), desk, "olga", good)
	if err != nil {
		t.Fatal(err)
	}
	code, err := a.NewInvite(t.Context(), olga)
	if err != nil {
		t.Fatal(err)
	}
	grant, err := a.Publisher(t.Context(), desk, key)
	if err != nil {
		t.Fatal(err)
	}
	list, _ := a.Keys(t.Context(), olga)
	text, _ := os.ReadFile(filepath.Join(dir, secretName))
	secrets := map[string]string{
		"password": good, "stream key": key.Reveal()[len("live_")+4:], "token": token, "invite": fold(code),
		"typed invite": code, "claim code": claim, "secret": strings.TrimSpace(string(text)), "secret's bytes": string(loaded.key),
	}

	var out bytes.Buffer
	for _, v := range []any{olga, k, key, list, grant, loaded, &loaded} {
		fmt.Fprintf(&out, "%v %+v %#v %s %q %x\n", v, v, v, v, v, v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		json.NewEncoder(&out).Encode(v)
	}
	_, _, wrongPassword := a.SignIn(t.Context(), street, "olga", good+"!")
	_, _, noName := a.SignIn(t.Context(), street, good, good)
	_, longPassword := a.SignUp(t.Context(), stranger(), "bob", strings.Repeat(good, 20), "")
	_, wrongCode := a.Claim(t.Context(), claim, "bob", good)
	_, unknownKey := a.Publisher(t.Context(), street, tv.NewStreamKey())
	fmt.Fprintln(&out, wrongPassword, noName, longPassword, wrongCode, unknownKey, a.ChangePassword(t.Context(), token, "wrong wrong", good))
	for what, secret := range secrets {
		if strings.Contains(out.String(), secret) || strings.Contains(out.String(), fmt.Sprintf("%x", secret)) {
			t.Errorf("the %s was printed", what)
		}
	}

	a.st.Close()
	db, err := os.ReadFile(filepath.Join(dir, "echotv.db"))
	if err != nil || len(db) == 0 {
		t.Fatal(err)
	}
	for what, secret := range secrets {
		if bytes.Contains(db, []byte(secret)) {
			t.Errorf("the store holds the %s", what)
		}
	}
}
