package account

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"echo.tv/server/store"
	"echo.tv/server/tv"
)

const (
	secretName = "secret.key"
	secretLen  = 32
)

// Secret is what stream keys are looked up and sealed with. It lives beside the
// store and not in it, so that a copy of the store gives no key away. It never
// prints.
type Secret struct {
	key   []byte
	path  string
	drawn bool // just now; not in its file yet
}

// LoadSecret reads the secret of the data folder dir, or draws one when there is
// none; Open writes it. A file that others may read is closed to them. The error
// is Storage and names the file.
func LoadSecret(dir string) (Secret, error) {
	s := Secret{path: filepath.Join(dir, secretName)}
	text, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		s.key, s.drawn = make([]byte, secretLen), true
		rand.Read(s.key)
		return s, nil
	}
	if err == nil {
		err = os.Chmod(s.path, 0o600)
	}
	if err != nil {
		return Secret{}, tv.Errorf(tv.Storage, "the secret of this host cannot be read: %w", err).
			Hint("start echo.tv as the user who owns the file")
	}
	s.key, err = hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(s.key) != secretLen { // err would repeat a part of it
		return Secret{}, tv.Errorf(tv.Storage, "%s is not a secret of echo.tv", s.path).
			Hint("put it back from a backup")
	}
	return s, nil
}

func (s Secret) save() error {
	return store.WriteFile(s.path, []byte(hex.EncodeToString(s.key)+"\n"))
}

// Format prints nothing of the secret, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, "secret of "+s.path) }

// LogValue prints nothing of the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }

// adopt proves that secret is the one of this store. A store without stream keys
// takes any, since nothing in it was sealed.
func (a *Accounts) adopt(secret Secret) error {
	var known string
	var sealed bool
	err := a.st.View(func(tx *store.Tx) (err error) {
		if known, _, err = settings.Get(tx, secretSetting); err != nil {
			return err
		}
		return keys.Each(tx, "", func(string, keyRow) error { sealed = true; return nil })
	})
	switch {
	case err != nil:
		return err
	case known == a.vault.proof:
		return nil
	case sealed && secret.drawn:
		return tv.Errorf(tv.Storage, "%s is missing, and the stream keys of this host are sealed with it", secret.path).
			Hint("put it back from a backup, or move the whole data folder away to begin anew")
	case sealed:
		return tv.Errorf(tv.Storage, "%s is not the secret that the stream keys of this host are sealed with", secret.path).
			Hint("put the right one back from a backup, or move the whole data folder away to begin anew")
	}
	if secret.drawn {
		if err := secret.save(); err != nil {
			return err
		}
	}
	return a.st.Update(func(tx *store.Tx) error { return settings.Put(tx, secretSetting, a.vault.proof) })
}
