package disclosure

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/jisr-exchange/jisr/services/record"
)

// FuzzAMaskNamesLeavesThatExistOrIsRefused reads two paths of an update mask.
func FuzzAMaskNamesLeavesThatExistOrIsRefused(f *testing.F) {
	for _, s := range [][3]string{
		{"Victim", "risk.assessment", "identity"}, {"Victim", "*", ""}, {"Case", "state", "core.urgent"}, {"Suspect", "identity.full_name.original", "identity"},
		{"Victim", "etag", "name"}, {"Victim", "risk..assessment", "risk."}, {"Referral", "request.text", "sealed"},
	} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, kind, one, two string) {
		typ := record.ByName(kind)
		if typ == nil {
			return
		}
		parts, err := maskParts(typ, []string{one, two})
		if err != nil {
			if parts != nil {
				t.Fatal("a mask was refused, and read all the same")
			}
			return
		}
		for _, path := range []string{one, two} {
			fd, ok := leaf(typ.Desc, path)
			if !ok {
				t.Fatalf("%q was taken, and names nothing of a %s", path, kind)
			}
			top, _, _ := strings.Cut(path, ".")
			if !tellable(typ.Desc.Fields().ByName(protoreflect.Name(top))) {
				t.Fatalf("%q was taken, and is the server's (%s)", path, fd.FullName())
			}
		}
		// A part with leaves changes these alone: each must be asked for.
		for _, p := range parts {
			for _, leaves := range p.leaves {
				path := string(p.field.Desc.Name()) + "." + strings.Join(leaves, ".")
				if path != one && path != two {
					t.Fatalf("%q and %q were read as %q", one, two, path)
				}
			}
			if len(p.leaves) == 0 && string(p.field.Desc.Name()) != one && string(p.field.Desc.Name()) != two {
				t.Fatalf("%q and %q were read as all of %s", one, two, p.field.Desc.Name())
			}
		}
	})
}

// leaf is what a path names.
func leaf(d protoreflect.MessageDescriptor, path string) (fd protoreflect.FieldDescriptor, ok bool) {
	for step := range strings.SplitSeq(path, ".") {
		if d == nil {
			return nil, false
		}
		if fd = d.Fields().ByName(protoreflect.Name(step)); fd == nil {
			return nil, false
		}
		d = fd.Message()
	}
	return fd, true
}
