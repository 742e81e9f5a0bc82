package agreement

import (
	"reflect"
	"testing"

	"github.com/jisr-exchange/jisr/services/record"
)

// What is kept is bounded by what it is said to take.
func TestAnOutlineTakesNoMoreThanItSays(t *testing.T) {
	o := &Outline{Header: make([]byte, 10, 700), Sections: make([]record.Section, 6, 8)}
	takes := int(reflect.TypeFor[Outline]().Size()) + cap(o.Header) + cap(o.Sections)*int(reflect.TypeFor[record.Section]().Size())
	if said := o.Bytes(); said < takes {
		t.Errorf("it takes %d bytes and says %d", takes, said)
	}
	if none := (*Outline)(nil).Bytes(); none != 0 {
		t.Errorf("none takes %d", none)
	}
}
