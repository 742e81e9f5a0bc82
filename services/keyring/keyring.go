// Package keyring keeps the data keys under which records are sealed: one per
// victim, suspect and case. It lives outside the case database and outside its
// backups, so that destroying a subject's key makes every copy of that subject's
// sections unreadable. Keys are wrapped by a key-encryption key at rest.
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
	"os"
	"sync"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

const (
	keyBytes = 32
	// pool is how many keys are made durable at once, so that a new subject
	// costs the keyring 1/pool of an fsync. What a crash leaves unused is lost
	// and harmless.
	pool = 256
	// cached bounds the ciphers held in memory (about 1.5 kB each).
	cached = 4096
	// secretID is the row of the exchange's own secret, from which tokens, etags
	// and pseudonyms are keyed. No subject can have this id.
	secretID = "exchange"
)

// ErrDestroyed says that there is no such key: it was destroyed or never made.
var ErrDestroyed = errors.New("keyring: no such key")

// Wrapper wraps data keys under a key-encryption key: a file in development, a
// KMS or PKCS#11 token in service.
type Wrapper interface {
	// Wrap seals a data key, bound to its id.
	Wrap(id string, key []byte) ([]byte, error)
	// Unwrap opens what Wrap sealed, and fails on another id or another key-encryption key.
	Unwrap(id string, wrapped []byte) ([]byte, error)
}

// Ring is a keyring in a file of its own.
type Ring struct {
	wrapper Wrapper
	secret  []byte

	mu      sync.Mutex
	conn    *sqlite.Conn
	ready   []string
	ciphers map[string]cipher.AEAD
	path    string
	file    os.FileInfo // as it was opened
	failed  bool        // the last keys could not be made durable
}

// Open opens or creates the keyring at path.
func Open(path string, w Wrapper) (*Ring, error) {
	if w == nil {
		return nil, errors.New("keyring: no key-encryption key")
	}
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite, sqlite.OpenCreate)
	if err != nil {
		return nil, fmt.Errorf("keyring: open: %w", err)
	}
	r := &Ring{wrapper: w, conn: conn, ciphers: make(map[string]cipher.AEAD)}
	if err := r.prepare(); err != nil {
		conn.Close()
		return nil, err
	}
	r.path = path
	if r.file, err = os.Stat(path); err != nil {
		conn.Close()
		return nil, fmt.Errorf("keyring: open: %w", err)
	}
	return r, nil
}

func (r *Ring) prepare() error {
	// A rollback journal that is truncated, and pages that are overwritten, so that
	// a destroyed key is in no file; a write-ahead log would keep it (measured).
	for _, q := range []string{
		"PRAGMA journal_mode=TRUNCATE", "PRAGMA synchronous=EXTRA", "PRAGMA secure_delete=ON",
		"PRAGMA locking_mode=EXCLUSIVE",
		"CREATE TABLE IF NOT EXISTS keys(id TEXT PRIMARY KEY, wrapped BLOB NOT NULL) WITHOUT ROWID",
	} {
		if err := sqlitex.ExecuteTransient(r.conn, q, nil); err != nil {
			return fmt.Errorf("keyring: prepare: %w", err)
		}
	}
	secret, err := r.load(secretID)
	if errors.Is(err, ErrDestroyed) {
		secret = make([]byte, keyBytes)
		rand.Read(secret)
		err = r.insert(map[string][]byte{secretID: secret})
	}
	if err != nil {
		return err
	}
	r.secret = secret
	return nil
}

// Close closes the file.
func (r *Ring) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.ciphers)
	return r.conn.Close()
}

// Take returns the id of a fresh key that is already durable. The caller stores
// the id with the record; that assigns the key.
func (r *Ring) Take(context.Context) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ready) == 0 {
		if err := r.fill(); err != nil {
			return "", err
		}
	}
	id := r.ready[len(r.ready)-1]
	r.ready = r.ready[:len(r.ready)-1]
	return id, nil
}

// AEAD returns the cipher of a key: AES-256-GCM with random nonces. ErrDestroyed if there is none.
func (r *Ring) AEAD(_ context.Context, id string) (cipher.AEAD, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, ok := r.ciphers[id]; ok {
		return c, nil
	}
	if id == secretID {
		return nil, ErrDestroyed
	}
	key, err := r.load(id)
	if err != nil {
		return nil, err
	}
	c, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	if len(r.ciphers) >= cached {
		for old := range r.ciphers { // any one: the map's order is as good as random
			delete(r.ciphers, old)
			break
		}
	}
	r.ciphers[id] = c
	return c, nil
}

// Destroy destroys a key: every copy of what it sealed is unreadable from then on.
func (r *Ring) Destroy(_ context.Context, id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.ciphers, id)
	err := sqlitex.Execute(r.conn, "DELETE FROM keys WHERE id = ? AND id <> ?", &sqlitex.ExecOptions{Args: []any{id, secretID}})
	if err != nil {
		return fmt.Errorf("keyring: destroy: %w", err)
	}
	if r.conn.Changes() == 0 {
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

func (r *Ring) load(id string) ([]byte, error) {
	var wrapped []byte
	err := sqlitex.Execute(r.conn, "SELECT wrapped FROM keys WHERE id = ?", &sqlitex.ExecOptions{
		Args: []any{id},
		ResultFunc: func(s *sqlite.Stmt) error {
			wrapped = make([]byte, s.ColumnLen(0))
			s.ColumnBytes(0, wrapped)
			return nil
		},
	})
	if err != nil {
		return nil, fmt.Errorf("keyring: read: %w", err)
	}
	if wrapped == nil {
		return nil, ErrDestroyed
	}
	key, err := r.wrapper.Unwrap(id, wrapped)
	if err != nil {
		return nil, fmt.Errorf("keyring: this is not the keyring's key-encryption key, or the keyring was tampered with: %w", err)
	}
	return key, nil
}

func (r *Ring) insert(keys map[string][]byte) (err error) {
	end, err := sqlitex.ImmediateTransaction(r.conn)
	if err != nil {
		return fmt.Errorf("keyring: write: %w", err)
	}
	defer end(&err)
	for id, key := range keys {
		wrapped, err := r.wrapper.Wrap(id, key)
		if err != nil {
			return fmt.Errorf("keyring: wrap: %w", err)
		}
		if err := sqlitex.Execute(r.conn, "INSERT INTO keys(id, wrapped) VALUES(?, ?)",
			&sqlitex.ExecOptions{Args: []any{id, wrapped}}); err != nil {
			return fmt.Errorf("keyring: write: %w", err)
		}
	}
	return nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
