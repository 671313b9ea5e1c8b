package account

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"echo.tv/server/tv"
)

// vault turns stream keys into what may lie in the store. Each use has a key of
// its own, derived with HKDF (RFC 5869), so that none says anything about
// another.
type vault struct {
	lookup []byte
	seal   cipher.AEAD
	proof  string // tells whether two vaults are of the same secret
}

func newVault(s Secret) vault {
	derive := func(use string) []byte {
		key, err := hkdf.Key(sha256.New, s.key, nil, "echo.tv/1 "+use, 32)
		if err != nil {
			panic(err) // only for more than 255 hashes of output
		}
		return key
	}
	block, err := aes.NewCipher(derive("seal stream keys"))
	if err != nil {
		panic(err) // only for a key of another length
	}
	// A nonce drawn for each seal: NIST SP 800-38D allows 2^32 of them for one
	// key, and a host seals a few hundred.
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // only for a cipher of another block size
	}
	return vault{
		lookup: derive("look up stream keys"),
		seal:   seal,
		proof:  hex.EncodeToString(derive("prove the secret")),
	}
}

// find returns where the row of key is found: the same for the same key, and of
// no use to whoever reads the store.
func (v vault) find(key tv.StreamKey) string {
	mac := hmac.New(sha256.New, v.lookup)
	mac.Write([]byte(key.Reveal()))
	return hex.EncodeToString(mac.Sum(nil))
}

// close seals key for the row called row and for no other.
func (v vault) close(key tv.StreamKey, row string) []byte {
	return v.seal.Seal(nil, nil, []byte(key.Reveal()), []byte(row))
}

func (v vault) open(sealed []byte, row string) (tv.StreamKey, error) {
	plain, err := v.seal.Open(nil, nil, sealed, []byte(row))
	if err != nil {
		return tv.StreamKey{}, tv.Errorf(tv.Storage, "a stream key in the store is damaged").
			Hint("revoke it and make a new one")
	}
	return tv.ParseStreamKey(string(plain))
}
