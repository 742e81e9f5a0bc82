package peer

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/record"
)

// Batch is how many records are opened for one call that is timed: one takes a
// microsecond, which is less than a clock tells apart.
const Batch = 100

// Circle is how many records are read in turn. One over and over would be foretold by
// the processor; of so many the longest, too, stay in its caches, where in service is
// what has just been read.
const Circle = 32

// many is more subjects than the keyring keeps ciphers of and fewer than it keeps
// wrapped keys of: read in turn, each has lost its cipher when it comes again, so that
// an opening unwraps a key that is at hand. Not many more, or what is measured is how
// far away the records lie, which in service have just been read.
const many = 4096 + Circle

// rest is a record at rest, as the store hands it to the page.
type rest struct {
	name             string
	header, envelope []byte
}

// Open opens the prosecutor's six of a victim's twelve sections, cipher cached.
func Open(dir string) (*Peer, error) { return opening(dir, Circle, 1) }

// OpenHidden is Open where what is hidden is as long as the contract allows.
func OpenHidden(dir string) (*Peer, error) { return opening(dir, Circle, 500) }

// OpenUnwrap is Open where a record's key is at hand, wrapped.
func OpenUnwrap(dir string) (*Peer, error) { return opening(dir, many, 1) }

// opening opens up to so many records, one after another.
func opening(dir string, most, hidden int) (*Peer, error) {
	s, err := OpenShelf(dir)
	if err != nil {
		return nil, err
	}
	lens, err := reading(s.law)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	ctx, t := context.Background(), record.ByName("Victim")
	var all []rest
	var out []byte
	next := 0
	return &Peer{
		Stop: s.Close, spare: reserve(),
		Prepare: func(calls, _ int) (err error) {
			if all == nil {
				all, err = s.rest(min(most, calls*Batch), hidden)
			}
			return err
		},
		Work: func(int) (err error) {
			for range Batch {
				r := all[next%len(all)]
				next++
				if out, _, err = s.page.Open(ctx, out[:0], r.name, t, r.header, r.envelope, lens); err != nil {
					return err
				}
			}
			return nil
		},
	}, nil
}

// perCase is how many victims a case has, so that filling many stays linear.
const perCase = 64

// rest makes victims and returns them as they lie.
func (s *Shelf) rest(records, hidden int) ([]rest, error) {
	all := make([]rest, records)
	var next atomic.Int64
	_, err := Drive((records+perCase-1)/perCase, 64, func(int) error {
		parent, err := s.Case()
		ctx, c := s.As(Prosecutor)
		for range perCase {
			n := next.Add(1) - 1
			if err != nil || n >= int64(records) {
				break
			}
			r := &all[n]
			if r.name, err = s.Tell(parent, NewVictim(int(n), hidden)); err != nil {
				break
			}
			v := &jisrv1.Victim{}
			if err = s.View(ctx, c, r.name, v); err != nil {
				break
			}
			loaded, _ := agreement.DocketFrom(ctx).Loaded(r.name)
			var envelope []byte
			if envelope, err = record.Detach(v); err != nil {
				break
			}
			row := slices.Concat(loaded.Header, envelope) // as in the store, where a record is one row
			r.header, r.envelope = row[:len(loaded.Header)], row[len(loaded.Header):]
		}
		return err
	})
	return all, err
}

// Reflect decodes the same victims in clear, copies what is granted by reflection
// and encodes the copy.
func Reflect(string) (*Peer, error) { return reflecting(Circle) }

// ReflectMany is Reflect with as many victims as OpenUnwrap has, which lie as far away.
func ReflectMany(string) (*Peer, error) { return reflecting(many) }

func reflecting(most int) (*Peer, error) {
	f, err := newFilter()
	if err != nil {
		return nil, err
	}
	var all [][]byte
	var out []byte
	next := 0
	return &Peer{
		Stop: func() error { return nil }, spare: reserve(),
		Prepare: func(calls, _ int) error {
			for n := len(all); n < min(most, calls*Batch); n++ {
				v := NewVictim(n, 1)
				v.SetName(victimName)
				stored, err := proto.Marshal(v)
				if err != nil {
					return err
				}
				all = append(all, stored)
			}
			return nil
		},
		Work: func(int) error {
			for range Batch {
				shown, err := f.granted(all[next%len(all)])
				if err != nil {
					return err
				}
				next++
				if out, err = (proto.MarshalOptions{}).MarshalAppend(out[:0], shown); err != nil {
					return err
				}
			}
			return nil
		},
	}, nil
}
