// Package matrix lays the agreement and the contract side by side: who may
// read and who may tell which field, under which condition. It prints that as a
// sheet of plain lines, which is pinned, and says of two sheets who sees more
// by one than by the other. It decides nothing; the law does.
package matrix

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

const contractPackage = "jisr.v1"

// Field is a field that has a class, or lies inside one that has.
type Field struct {
	// Path names it for people, such as "Victim.location" or "Victim.location.address".
	Path string
	// Record is the kind of record, such as "Victim"; for a reply's own field, the reply.
	Record string
	// Class is its class.
	Class jisrv1.DataClass
	// Desc is the field in the contract.
	Desc protoreflect.FieldDescriptor
	// Stored says that it is part of a record, which the shelf stands before.
	Stored bool
}

// Inner reports whether the field lies inside a section.
func (f Field) Inner() bool { return strings.Count(f.Path, ".") > 1 }

// Contract is every classed field of a contract, by record, then in the contract's order,
// each section followed by what is inside it.
type Contract []Field

// Current is the contract that this program was built with.
func Current() Contract { return contractOf(protoregistry.GlobalFiles) }

// ErrNoContract says that a set of descriptors does not hold the contract.
var ErrNoContract = errors.New("no file of " + contractPackage + " in it that holds a record")

// ReadContract reads a contract from an encoded FileDescriptorSet, as `buf build -o` writes it.
func ReadContract(encoded []byte) (Contract, error) {
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(encoded, set); err != nil {
		return nil, fmt.Errorf("not a FileDescriptorSet: %w", err)
	}
	files, err := protodesc.FileOptions{AllowUnresolvable: true}.NewFiles(set)
	if err != nil {
		return nil, fmt.Errorf("the set does not hang together: %w", err)
	}
	c := contractOf(files)
	if !slices.ContainsFunc(c, func(f Field) bool { return f.Stored }) {
		return nil, ErrNoContract
	}
	return c, nil
}

func contractOf(files *protoregistry.Files) Contract {
	var c Contract
	files.RangeFilesByPackage(contractPackage, func(file protoreflect.FileDescriptor) bool {
		for i := range file.Messages().Len() {
			c = c.add(file.Messages().Get(i))
		}
		return true
	})
	// Stable: within a record the contract's order says more than the alphabet's.
	slices.SortStableFunc(c, func(a, b Field) int { return strings.Compare(a.Record, b.Record) })
	return c
}

func (c Contract) add(m protoreflect.MessageDescriptor) Contract {
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		class := record.ClassOf(f)
		if class == 0 {
			continue
		}
		top := Field{Path: string(m.Name() + "." + f.Name()), Record: string(m.Name()), Class: class, Desc: f, Stored: record.IsRecord(m)}
		c = append(c, top)
		if top.Stored {
			c = c.inside(top, depth)
		}
	}
	return c
}

// depth is how far a field is followed inwards. The lint refuses recursion in
// anything stored; a contract from elsewhere may not have passed it.
const depth = 8

// inside adds what a field holds, down to what the contract does not define itself.
func (c Contract) inside(outer Field, left int) Contract {
	m := outer.Desc.Message()
	if left == 0 || m == nil || m.ParentFile().Package() != contractPackage {
		return c
	}
	for i := range m.Fields().Len() {
		inner := outer
		inner.Desc = m.Fields().Get(i)
		inner.Path += "." + string(inner.Desc.Name())
		c = append(c, inner)
		c = c.inside(inner, left-1)
	}
	return c
}

// OfClass returns the fields of a class, without what lies inside them.
func (c Contract) OfClass(class jisrv1.DataClass) []Field {
	var list []Field
	for _, f := range c {
		if f.Class == class && !f.Inner() {
			list = append(list, f)
		}
	}
	return list
}

// Inside returns what lies inside a field.
func (c Contract) Inside(outer Field) []Field {
	var list []Field
	for _, f := range c {
		if strings.HasPrefix(f.Path, outer.Path+".") {
			list = append(list, f)
		}
	}
	return list
}
