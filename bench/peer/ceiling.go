package peer

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/jisr-exchange/jisr/services/record"
)

// As long as they are in the exchange: a victim's name, a key, and a key's id.
const (
	victimName = "cases/aaaaaaaaaaaaaaaaaaaaaaaaaa/victims/aaaaaaaaaaaaaaaaaaaaaaaaaa"
	keyBytes   = 32
	idBytes    = 26
)

// Cipher opens by AES-GCM what Open opens, and does nothing else: sections as long,
// under associated data as long. Whoever keeps sections sealed each by itself pays this.
func Cipher(string) (*Peer, error) { return ciphering(Circle, false) }

// CipherUnwrap opens what OpenUnwrap opens: a wrapped key, from which a cipher is
// built, and under that the sections.
func CipherUnwrap(string) (*Peer, error) { return ciphering(many, true) }

// sealed is a victim's granted sections under a key of its own.
type sealed struct {
	cipher   cipher.AEAD // nil where only the wrapped key is at hand
	wrapped  []byte
	sections [][]byte
}

func ciphering(most int, wrapped bool) (*Peer, error) {
	f, err := newFilter()
	if err != nil {
		return nil, err
	}
	kek, err := newCipher(random(keyBytes))
	if err != nil {
		return nil, err
	}
	id, bound := random(idBytes), random(len("jisr/section")+protowire.SizeBytes(len(victimName))+3)
	var all []sealed
	var key, out []byte
	next := 0
	return &Peer{
		Stop: func() error { return nil }, spare: reserve(),
		Prepare: func(calls, _ int) error {
			for n := len(all); n < min(most, calls*Batch); n++ {
				key := random(keyBytes)
				c, err := newCipher(key)
				if err != nil {
					return err
				}
				s := sealed{sections: f.seal(c, n, bound)}
				if wrapped {
					s.wrapped = kek.Seal(nil, nil, key, id) //nolint:gosec // the cipher draws its nonces itself
				} else {
					s.cipher = c
				}
				all = append(all, s)
			}
			return nil
		},
		Work: func(int) (err error) {
			for range Batch {
				s := &all[next%len(all)]
				next++
				c := s.cipher
				if c == nil {
					if key, err = kek.Open(key[:0], nil, s.wrapped, id); err != nil {
						return err
					}
					if c, err = newCipher(key); err != nil {
						return err
					}
				}
				out = out[:0]
				for _, section := range s.sections {
					if out, err = c.Open(out, nil, section, bound); err != nil {
						return err
					}
				}
			}
			return nil
		},
	}, nil
}

// seal seals the sections of a victim that are granted, each as its encoded field.
func (f filter) seal(c cipher.AEAD, n int, bound []byte) (sections [][]byte) {
	victim := NewVictim(n, 1).ProtoReflect()
	for _, field := range record.ByName("Victim").Sections {
		if !f.grants[field.Number] || !victim.Has(field.Desc) {
			continue
		}
		size := proto.Size(victim.Get(field.Desc).Message().Interface())
		plain := random(protowire.SizeTag(field.Number) + protowire.SizeBytes(size))
		sections = append(sections, c.Seal(nil, nil, plain, bound)) //nolint:gosec // the cipher draws its nonces itself
	}
	return sections
}

// newCipher builds a cipher as the keyring does.
func newCipher(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("a key of %d bytes: %w", len(key), err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func random(bytes int) []byte {
	b := make([]byte, bytes)
	rand.Read(b)
	return b
}
