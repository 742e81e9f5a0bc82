package keyring

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"

	"github.com/jisr-exchange/jisr/services/record"
)

// pool is how many keys are made durable at once, so that a new subject costs
// the keyring 1/pool of an fsync. It bounds, too, what a node that is killed
// leaves on the shelf for nobody: some 30 kB, and harmless.
const pool = 256

// stock are the keys that this node has made durable and no record uses yet. A
// node gives out only what it made itself under random ids, so no two give out
// the same.
type stock struct {
	mu     sync.Mutex
	ready  []string
	failed error // why the last keys could not be made durable
}

// Take returns the id of a fresh key that is already durable. The caller stores
// the id with the record; that assigns the key.
//
// After keys could not be made it fails at once until Probe could make some:
// who waits for keys holds the turn of everybody who writes.
func (r *Ring) Take(ctx context.Context) (string, error) {
	r.stock.mu.Lock()
	defer r.stock.mu.Unlock()
	if len(r.stock.ready) == 0 {
		if r.stock.failed != nil {
			return "", r.stock.failed
		}
		if err := r.fill(ctx); err != nil {
			return "", err
		}
	}
	id := r.stock.ready[len(r.stock.ready)-1]
	r.stock.ready = r.stock.ready[:len(r.stock.ready)-1]
	return id, nil
}

// GiveBack takes a key back that no record holds, since the change for which it
// was taken failed. A change whose outcome nobody knows keeps its keys: two
// subjects under one key would be destroyed together.
func (r *Ring) GiveBack(id string) {
	r.stock.mu.Lock()
	defer r.stock.mu.Unlock()
	r.stock.ready = append(r.stock.ready, id)
}

// fill makes new keys durable. Keys of which nobody knows whether they are on
// the shelf are never given out.
func (r *Ring) fill(ctx context.Context) (err error) {
	defer func() { r.stock.failed = err }()
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
	if err := r.add(ctx, fresh); err != nil {
		return err
	}
	for id := range fresh {
		r.stock.ready = append(r.stock.ready, id)
	}
	return nil
}

// discard removes the keys that were made ahead and are not used.
func (r *Ring) discard(ctx context.Context) error {
	r.stock.mu.Lock()
	defer r.stock.mu.Unlock()
	ids := r.stock.ready
	r.stock.ready, r.stock.failed = nil, errClosed
	if len(ids) == 0 {
		return nil
	}
	_, err := r.shelf.change(ctx, nil, ids)
	return err
}

var errClosed = errors.New("keyring: it is closed")
