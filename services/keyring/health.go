package keyring

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"

	"github.com/jisr-exchange/jisr/services/record"
)

// errGone says that the keyring's file is not where it was opened. What is
// written to a file that nobody finds again is lost with the process.
var errGone = errors.New("keyring: its file is gone or is another one: put the keyring back and restart")

// fill makes new keys durable.
func (r *Ring) fill() (err error) {
	defer func() { r.failed = err != nil }()
	if err := r.there(); err != nil {
		return err
	}
	fresh := make(map[string][]byte, pool)
	for range pool {
		id, err := record.NewID(rand.Reader)
		if err != nil {
			return err
		}
		key := make([]byte, keyBytes)
		rand.Read(key)
		fresh[id] = key
	}
	if err := r.insert(fresh); err != nil {
		return err
	}
	for id := range fresh {
		r.ready = append(r.ready, id)
	}
	return nil
}

// there reports whether the file is still the one that was opened.
func (r *Ring) there() error {
	now, err := os.Stat(r.path)
	if err != nil || !os.SameFile(now, r.file) {
		return errGone
	}
	return nil
}

// Probe reports whether the keyring can give and make keys: its file is there, its
// secret opens under the key-encryption key, and if the last keys could not be
// made durable, new ones can.
func (r *Ring) Probe(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.there(); err != nil {
		return err
	}
	if _, err := r.load(secretID); err != nil {
		return fmt.Errorf("keyring: probe: %w", err)
	}
	if r.failed {
		return r.fill()
	}
	return nil
}

// Size tells how many durable keys no record uses yet, and how many ciphers are in memory.
func (r *Ring) Size() (ready, cached int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ready), len(r.ciphers)
}
