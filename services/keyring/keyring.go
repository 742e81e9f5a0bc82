// Package keyring keeps the data keys under which records are sealed: one per
// victim, suspect and case. It lives outside the case database and outside its
// backups, so that destroying a subject's key makes every copy of that subject's
// sections unreadable. Keys are wrapped by a key-encryption key at rest, on a
// shelf: a file of one node, or a PostgreSQL database that several nodes share.
package keyring

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/jisr-exchange/jisr/services/fault"
)

const (
	keyBytes = 32
	// secretID is the row of the exchange's own secret, from which tokens, etags
	// and pseudonyms are keyed. No subject can have this id.
	secretID = "exchange"
)

// ErrDestroyed says that there is no such key: it was destroyed or never made.
var ErrDestroyed = errors.New("keyring: no such key")

// errOtherKEK says that the keyring was made under another key-encryption key.
var errOtherKEK = errors.New("keyring: the key-encryption key is not this keyring's, or the keyring was tampered with: " +
	"name the key-encryption key that this keyring was made under, the same on every node, or the keyring that belongs to this key; a new key opens nothing")

// Wrapper wraps data keys under a key-encryption key: a file in development, a
// KMS or PKCS#11 token in service.
type Wrapper interface {
	// Wrap seals a data key, bound to its id.
	Wrap(id string, key []byte) ([]byte, error)
	// Unwrap opens what Wrap sealed, and fails on another id or another key-encryption key.
	Unwrap(id string, wrapped []byte) ([]byte, error)
}

// Ring is a keyring. What one node destroys no other opens: see AEAD.
type Ring struct {
	wrapper Wrapper
	shelf   shelf
	secret  []byte
	shared  bool // other nodes destroy keys on this shelf, too
	// wary says that the shelf may be one that was left for another, and that a look at
	// its generation finds out.
	wary   bool
	stock  stock
	memory memory
	ear    *ear
}

// Open opens or creates the keyring at place: a path, or the postgres:// URL of
// a database that holds nothing else, and of which more may be demanded.
func Open(place string, w Wrapper, demands ...Demand) (*Ring, error) {
	if w == nil {
		return nil, errors.New("keyring: no key-encryption key")
	}
	s, shared, err := openShelf(place, demands)
	if err != nil {
		return nil, err
	}
	r := &Ring{wrapper: w, shelf: s, shared: shared, memory: newMemory(), ear: newEar()}
	if s, ok := s.(*served); ok {
		r.wary = s.replicated
	}
	if err := r.prepare(context.Background()); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return r, nil
}

// prepare reads the exchange's secret, and makes it on a shelf that is new. Of
// several nodes that make it at once one succeeds, and the others read its.
func (r *Ring) prepare(ctx context.Context) error {
	secret, err := r.load(ctx, secretID)
	if errors.Is(err, ErrDestroyed) {
		made := make([]byte, keyBytes)
		rand.Read(made)
		refused := r.add(ctx, map[string][]byte{secretID: made})
		if secret, err = r.load(ctx, secretID); err != nil {
			err = errors.Join(refused, err)
		}
	}
	r.secret = secret
	return err
}

// Close gives back the keys that no record uses, and closes the shelf.
func (r *Ring) Close() error {
	err := r.discard(context.Background())
	r.memory.forget(time.Now())
	return errors.Join(err, r.shelf.close())
}

// AEAD returns the cipher of a key: AES-256-GCM with random nonces. ErrDestroyed if there is none.
//
// A key whose destruction was acknowledged on any node before the call began
// gives no cipher on this one, in whose memory it may be: what is remembered is
// used only after the shelf was asked whether anything was destroyed since. A
// call that asks for many keys says by AsOfNow when it began, and asks once. A
// shelf that does not answer opens nothing. Nor does one that a standby does not
// follow any more where keys are to survive a node: what the other one destroyed, it
// does not know.
func (r *Ring) AEAD(ctx context.Context, id string) (cipher.AEAD, error) {
	if id == secretID {
		return nil, ErrDestroyed
	}
	k, err := r.find(ctx, id, r.began(ctx))
	if err != nil || k.cipher != nil {
		return k.cipher, err
	}
	key, err := r.unwrap(id, k.wrapped)
	if err != nil {
		return nil, err
	}
	c, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	r.memory.keep(id, k.wrapped, c, k.generation)
	return c, nil
}

// looks bounds how often a key is looked for while others are destroyed.
const looks = 3

// find finds a key in memory or on the shelf, as of a moment after began.
func (r *Ring) find(ctx context.Context, id string, began time.Time) (known, error) {
	for range looks {
		k := r.memory.find(id, began)
		if !k.fresh && (r.wary || k.cipher != nil || k.wrapped != nil) {
			if err := r.hear(ctx, began); err != nil {
				return known{}, err
			}
			k = r.memory.find(id, began)
		}
		if k.cipher != nil || k.wrapped != nil {
			return k, nil
		}
		if _, err := r.ear.told(began); err != nil {
			return known{}, err // calls that came before a look that failed do not try one by one
		}
		heard := k.generation
		var err error
		if k.wrapped, k.generation, err = r.look(ctx, id); err != nil {
			return known{}, err
		}
		if !r.wary || k.generation == heard {
			return k, nil
		}
		began = time.Now() // it was read under another generation than the one that is sure
	}
	return known{}, unavailable("read", errors.New("keys are being destroyed"))
}

// Destroy destroys a key: every copy of what it sealed is unreadable from then
// on, on every node. ErrDestroyed if there is none. After OUTCOME_UNKNOWN it may be
// destroyed or not, and destroying it again tells; after any other error it is not.
func (r *Ring) Destroy(ctx context.Context, id string) error {
	if id == secretID {
		return ErrDestroyed
	}
	removed, err := r.shelf.change(ctx, nil, []string{id})
	r.memory.forget(time.Now()) // whatever came of it: what is there still is read again
	if errors.Is(err, errUnclear) {
		return errors.Join(fault.New(fault.OutcomeUnknown), fmt.Errorf("keyring: destroy: %w", err))
	}
	if err != nil {
		return unavailable("destroy", err)
	}
	if removed == 0 {
		return ErrDestroyed
	}
	return nil
}

// Secret derives the exchange's key for one use, such as "page-token".
func (r *Ring) Secret(use string) []byte {
	key, err := hkdf.Key(sha256.New, r.secret, nil, "jisr/"+use, keyBytes)
	if err != nil {
		panic("keyring: " + err.Error()) // only for a length beyond HKDF's limit, a constant here
	}
	return key
}

// look reads a wrapped key and notes in which generation.
func (r *Ring) look(ctx context.Context, id string) (wrapped []byte, g generation, err error) {
	began := time.Now()
	if wrapped, g, err = r.shelf.look(ctx, id); err != nil {
		err = unavailable("read", err)
		r.ear.tell(began, err)
		return nil, g, err
	}
	if !r.wary || id == secretID {
		r.memory.note(began, g)
	}
	return wrapped, g, nil
}

func (r *Ring) load(ctx context.Context, id string) ([]byte, error) {
	wrapped, _, err := r.look(ctx, id)
	if err != nil {
		return nil, err
	}
	return r.unwrap(id, wrapped)
}

func (r *Ring) unwrap(id string, wrapped []byte) ([]byte, error) {
	if wrapped == nil {
		return nil, ErrDestroyed
	}
	key, err := r.wrapper.Unwrap(id, wrapped)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errOtherKEK, err)
	}
	return key, nil
}

// add makes keys durable, all or none.
func (r *Ring) add(ctx context.Context, keys map[string][]byte) error {
	// What is destroyed from now on moves the generation away from this one.
	g := r.memory.now()
	wrapped := make([]key, 0, len(keys))
	for id, text := range keys {
		w, err := r.wrapper.Wrap(id, text)
		if err != nil {
			return fmt.Errorf("keyring: wrap: %w", err)
		}
		wrapped = append(wrapped, key{id: id, wrapped: w})
	}
	if _, err := r.shelf.change(ctx, wrapped, nil); err != nil {
		return unavailable("write", err)
	}
	for _, k := range wrapped {
		r.memory.keep(k.id, k.wrapped, nil, g)
	}
	return nil
}

// unavailable is what a call is told that the shelf did not serve.
func unavailable(what string, err error) error {
	return errors.Join(fault.New(fault.StoreUnavailable), fmt.Errorf("keyring: %s: %w", what, err))
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
