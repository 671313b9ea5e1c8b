package peer

import (
	"crypto/ed25519"
	"crypto/pbkdf2"
	"crypto/sha256"
	_ "embed"
	"encoding/base32"
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

const identityName = "identity.key"

// Identity is the key by which other hosts know this one, whatever its name and
// address. It never prints.
type Identity struct {
	key   ed25519.PrivateKey
	id    tv.HostID
	words string
}

// LoadIdentity reads the identity of the data folder dir, or makes one when there
// is none. A file that others may read is closed to them. The error is Storage
// and names the file.
func LoadIdentity(dir string) (Identity, error) {
	path := filepath.Join(dir, identityName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		_, key, err := ed25519.GenerateKey(nil)
		if err == nil {
			err = store.WriteFile(path, []byte(hex.EncodeToString(key.Seed())+"\n"))
		}
		return identityOf(key), err
	}
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		return Identity{}, tv.Errorf(tv.Storage, "the identity of this host cannot be read: %w", err).
			Hint("start echo.tv as the user who owns the file")
	}
	seed, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(seed) != ed25519.SeedSize { // err would repeat a part of it
		return Identity{}, tv.Errorf(tv.Storage, "%s is not an identity of echo.tv", path).
			Hint("put it back from a backup, or delete it: others will then see a new host")
	}
	return identityOf(ed25519.NewKeyFromSeed(seed)), nil
}

func identityOf(key ed25519.PrivateKey) Identity {
	id := idOf(key.Public().(ed25519.PublicKey))
	return Identity{key: key, id: id, words: wordsOf(id)}
}

// ID returns what others call this host by.
func (i Identity) ID() tv.HostID { return i.id }

// Words returns the id as four words.
func (i Identity) Words() string { return i.words }

// Format prints nothing of the key, whatever the verb.
func (i Identity) Format(f fmt.State, _ rune) { fmt.Fprint(f, "identity "+string(i.id)) }

// LogValue prints nothing of the key.
func (i Identity) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(i)) }

var idCoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// idOf returns the id of whoever signs with the other half of key.
func idOf(key ed25519.PublicKey) tv.HostID {
	sum := sha256.Sum256(key)
	return tv.HostID(idCoding.EncodeToString(sum[:10]))
}

// words.txt has 256 words, of which no two sound or look alike; its test says how.
//
//go:embed words.txt
var wordList string

var words = strings.Fields(wordList)

// wordsOf returns id as four words that two people compare by voice. That is 32
// bits, so each is made dear: to find a key with the words of another host takes
// 2^47 blocks of SHA-256, and to show them once takes 8 ms.
func wordsOf(id tv.HostID) string {
	sum, err := pbkdf2.Key(sha256.New, string(id), []byte("echo.tv words"), 1<<14, 4)
	if err != nil {
		panic(err) // only in FIPS mode, which refuses short keys
	}
	said := make([]string, len(sum))
	for i, b := range sum {
		said[i] = words[b]
	}
	return strings.Join(said, " ")
}
