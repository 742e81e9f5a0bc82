package peer

import (
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"

	"github.com/jisr-exchange/jisr/services/record"
)

func TestEverySideHasTheSameVictimsOfTwelveSectionsOfWhichSixAreRead(t *testing.T) {
	l, err := law()
	if err != nil {
		t.Fatal(err)
	}
	lens, err := reading(l)
	if err != nil {
		t.Fatal(err)
	}
	v, err := protovalidate.New()
	if err != nil {
		t.Fatal(err)
	}
	var read, filled, shown, hidden int
	for n := range Circle {
		victim, again := NewVictim(n, 1), NewVictim(n, 1)
		if !proto.Equal(victim, again) {
			t.Fatalf("victim %d is another the second time", n)
		}
		if proto.Equal(victim, NewVictim(n+1, 1)) {
			t.Fatalf("victims %d and %d are one, so being the same proves nothing", n, n+1)
		}
		for _, long := range []int{1, 500} {
			if err := v.Validate(NewVictim(n, long)); err != nil {
				t.Fatalf("victim %d: %v", n, err)
			}
		}
		for _, f := range record.ByName("Victim").Sections {
			if !victim.ProtoReflect().Has(f.Desc) {
				continue
			}
			size := proto.Size(victim.ProtoReflect().Get(f.Desc).Message().Interface())
			filled++
			if lens.Has(f.Class) {
				read, shown = read+1, shown+size
			} else {
				hidden += size
			}
		}
	}
	if filled != 12*Circle || read != 6*Circle {
		t.Errorf("%d sections, %d of them read, in %d victims", filled, read, Circle)
	}
	for what, bytes := range map[string]int{"read": shown, "hidden": hidden} {
		if each := bytes / (6 * Circle); each < 125 || each > 175 {
			t.Errorf("a section that is %s has %d bytes", what, each)
		}
	}
}
