package keyring

import (
	"context"
	"fmt"

	"zombiezen.com/go/sqlite"
)

// Probe reports whether the keyring can give and make keys: its shelf is the one
// that was opened and takes a change, its secret opens under the key-encryption
// key, and if the last keys could not be made durable, new ones can.
func (r *Ring) Probe(ctx context.Context) error {
	if _, err := r.shelf.change(ctx, nil, nil); err != nil {
		return fmt.Errorf("keyring: probe: %w", err)
	}
	if _, err := r.load(ctx, secretID); err != nil {
		return fmt.Errorf("keyring: probe: %w", err)
	}
	r.stock.mu.Lock()
	defer r.stock.mu.Unlock()
	if r.stock.failed != nil {
		return r.fill(ctx)
	}
	return nil
}

// Lost reports whether an error is one after which nobody knows what of the
// keyring's file is on its disk: nothing that is made durable there later can be
// trusted, and the process must end.
func Lost(err error) bool { return sqlite.ErrCode(err).ToPrimary() == sqlite.ResultIOErr }

// Size tells how many durable keys no record uses yet, and how many ciphers are in memory.
func (r *Ring) Size() (ready, cached int) {
	r.stock.mu.Lock()
	defer r.stock.mu.Unlock()
	return len(r.stock.ready), r.memory.size()
}
