package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"sync"

	"github.com/jisr-exchange/jisr/services/record"
)

// Pseudonyms gives each monitoring agency its own names for records: a keyed
// permutation of the 128-bit ids, so that a pseudonym looks like any id, can be
// turned back by the exchange alone, and two agencies cannot join by it.
type Pseudonyms struct {
	ring *Ring

	mu     sync.Mutex
	blocks map[string]cipher.Block
}

// Pseudonyms returns the exchange's pseudonyms.
func (r *Ring) Pseudonyms() *Pseudonyms {
	return &Pseudonyms{ring: r, blocks: make(map[string]cipher.Block)}
}

// Hide returns the agency's pseudonym for a record's name.
func (p *Pseudonyms) Hide(agency, name string) string {
	b := p.block(agency)
	return record.MapIDs(name, record.IDs, record.IDs, func(id *record.ID) { b.Encrypt(id[:], id[:]) })
}

// Reveal returns the record's name behind an agency's pseudonym. A name that is
// none of its pseudonyms turns into a name that no record has.
func (p *Pseudonyms) Reveal(agency, name string) string {
	b := p.block(agency)
	return record.MapIDs(name, record.IDs, record.IDs, func(id *record.ID) { b.Decrypt(id[:], id[:]) })
}

func (p *Pseudonyms) block(agency string) cipher.Block {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b, ok := p.blocks[agency]; ok {
		return b
	}
	b, err := aes.NewCipher(p.ring.Secret("pseudonym/" + agency))
	if err != nil {
		panic("keyring: " + err.Error()) // only for a key length that is a constant here
	}
	p.blocks[agency] = b
	return b
}
