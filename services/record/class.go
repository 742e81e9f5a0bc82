package record

import (
	"iter"
	"math/bits"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// Class is a data class of the contract.
type Class = jisrv1.DataClass

// ClassSet is a set of data classes in one machine word: a lens, a scope, a ceiling.
// Classes are numbered below 64 for that; the start-up check of the schema holds them to it.
type ClassSet uint64

// EveryClass is a scope that narrows nothing.
const EveryClass = ^ClassSet(0)

// Classes returns the set of the given classes.
func Classes(classes ...Class) ClassSet {
	var s ClassSet
	for _, c := range classes {
		s |= 1 << uint(c)
	}
	return s
}

// Has reports whether c is in the set. The unspecified class never is.
func (s ClassSet) Has(c Class) bool { return c > 0 && s&(1<<uint(c)) != 0 }

// Len returns how many classes the set holds.
func (s ClassSet) Len() int { return bits.OnesCount64(uint64(s)) }

// All yields the classes in ascending order.
func (s ClassSet) All() iter.Seq[Class] {
	return func(yield func(Class) bool) {
		for rest := uint64(s); rest != 0; rest &= rest - 1 {
			if !yield(Class(bits.TrailingZeros64(rest))) {
				return
			}
		}
	}
}

// List returns the classes in ascending order.
func (s ClassSet) List() []Class {
	list := make([]Class, 0, s.Len())
	for c := range s.All() {
		list = append(list, c)
	}
	return list
}
