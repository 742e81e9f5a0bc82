package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"io"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/jisr-exchange/jisr/services/keyring"
)

// secrets are the store's own keys, derived from the keyring's.
type secrets struct {
	token cipher.AEAD // page tokens
	call  []byte      // idempotency keys and bodies
}

func newSecrets(ring *keyring.Ring) secrets {
	block, err := aes.NewCipher(ring.Secret("page-token"))
	if err != nil {
		panic("store: " + err.Error()) // only for a key length that is a constant
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("store: " + err.Error())
	}
	return secrets{token: aead, call: ring.Secret("idempotency")}
}

// keyed hashes length-prefixed parts under the store's key, so that what was
// asked cannot be guessed from the file.
func (k secrets) keyed(parts ...[]byte) []byte {
	h := hmac.New(sha256.New, k.call)
	for _, p := range parts {
		h.Write(protowire.AppendVarint(nil, uint64(len(p))))
		h.Write(p)
	}
	return h.Sum(nil)
}

// random fills b. The source is the operating system's, which does not fail; a
// test's source that does is a fault of the test.
func (s *Store) random(b []byte) {
	if _, err := io.ReadFull(s.Random, b); err != nil {
		panic("store: randomness: " + err.Error())
	}
}
