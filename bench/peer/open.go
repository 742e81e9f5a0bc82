package peer

import (
	"context"
	"errors"

	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/record"
)

// Batch is how many records are opened for one call that is timed: one takes a
// microsecond, which is less than a clock tells apart.
const Batch = 100

// many is more subjects than the keyring keeps ciphers of, so that every opening unwraps a key.
const many = 3 * 4096

// rest is a record at rest, as the store hands it to the page.
type rest struct {
	name             string
	header, envelope []byte
}

// Open opens the prosecutor's six of a victim's twelve sections, cipher cached.
func Open(dir string) (*Peer, error) { return opening(dir, 1, 1) }

// OpenHidden is Open where what is hidden is as long as the contract allows.
func OpenHidden(dir string) (*Peer, error) { return opening(dir, 1, 500) }

// OpenUnwrap is Open where every record's key has to be read and unwrapped.
func OpenUnwrap(dir string) (*Peer, error) { return opening(dir, many, 1) }

func opening(dir string, records, hidden int) (*Peer, error) {
	s, err := OpenShelf(dir)
	if err != nil {
		return nil, err
	}
	all, err := s.rest(records, hidden)
	lens, lensErr := reading(s.law)
	if err := errors.Join(err, lensErr); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	ctx, t := context.Background(), record.ByName("Victim")
	var out []byte
	next := 0
	return &Peer{Stop: s.Close, Work: func(int) error {
		for range Batch {
			r := all[next%len(all)]
			next++
			var err error
			if out, _, err = s.page.Open(ctx, out[:0], r.name, t, r.header, r.envelope, lens); err != nil {
				return err
			}
		}
		return nil
	}}, nil
}

// rest makes victims and returns them as they lie.
func (s *Shelf) rest(records, hidden int) ([]rest, error) {
	parent, err := s.Case()
	if err != nil {
		return nil, err
	}
	all := make([]rest, records)
	for i := range all {
		// Cases of a hundred, so that filling them stays linear.
		if i%100 == 99 {
			if parent, err = s.Case(); err != nil {
				return nil, err
			}
		}
		if all[i].name, err = s.Victim(parent, hidden); err != nil {
			return nil, err
		}
	}
	ctx, c := s.As(Prosecutor)
	for i := range all {
		v := &jisrv1.Victim{}
		if err := s.View(ctx, c, all[i].name, v); err != nil {
			return nil, err
		}
		if all[i].envelope, err = record.Detach(v); err != nil {
			return nil, err
		}
		loaded, _ := agreement.DocketFrom(ctx).Loaded(all[i].name)
		all[i].header = loaded.Header
	}
	return all, nil
}

// Reflect decodes the same victim in clear, copies what is granted by
// reflection and encodes the copy.
func Reflect(string) (*Peer, error) {
	f, err := newFilter()
	if err != nil {
		return nil, err
	}
	v := NewVictim(1)
	v.SetName("cases/aaaaaaaaaaaaaaaaaaaaaaaaaa/victims/aaaaaaaaaaaaaaaaaaaaaaaaaa")
	stored, err := proto.Marshal(v)
	if err != nil {
		return nil, err
	}
	var out []byte
	return &Peer{Stop: func() error { return nil }, Work: func(int) error {
		for range Batch {
			shown, err := f.granted(stored)
			if err != nil {
				return err
			}
			if out, err = (proto.MarshalOptions{}).MarshalAppend(out[:0], shown); err != nil {
				return err
			}
		}
		return nil
	}}, nil
}
