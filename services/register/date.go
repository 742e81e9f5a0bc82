package register

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// dateLayout is one way in which a register writes dates.
type dateLayout struct {
	layout string // of package time
	iso    string // the same precision, as the contract writes it
}

// parseLayout reads a layout written with YYYY, YY, MM, M, DD and D. Months by
// name are not read: they differ between Baghdad and Erbil.
func parseLayout(s string) (dateLayout, error) {
	if s == "RFC3339" {
		return dateLayout{layout: time.RFC3339Nano, iso: time.DateOnly}, nil
	}
	marks := strings.NewReplacer("YYYY", "2006", "YY", "06", "MM", "01", "M", "1", "DD", "02", "D", "2")
	d := dateLayout{layout: marks.Replace(s), iso: "2006"}
	if !strings.Contains(s, "YY") {
		return d, fmt.Errorf("date layout %q has no year; write it with YYYY or YY, MM or M, DD or D", s)
	}
	if strings.Contains(s, "M") {
		d.iso = "2006-01"
		if strings.Contains(s, "D") {
			d.iso = "2006-01-02"
		}
	} else if strings.Contains(s, "D") {
		return d, fmt.Errorf("date layout %q has a day and no month", s)
	}
	if strings.ContainsFunc(strings.Map(dropMarks, s), func(r rune) bool { return r >= 'A' && r <= 'z' || r >= '0' && r <= '9' }) {
		return d, fmt.Errorf("date layout %q holds more than YYYY, YY, MM, M, DD, D and separators", s)
	}
	return d, nil
}

func dropMarks(r rune) rune {
	if r == 'Y' || r == 'M' || r == 'D' {
		return -1
	}
	return r
}

// baghdad is the time of day in all of Iraq, without summer time since 2008.
var baghdad = time.FixedZone("Baghdad", 3*60*60)

// readDate reads a cell by the first layout that fits it.
func (t target) readDate(layouts []dateLayout, cell string) (protoreflect.Value, bool) {
	cell = latinDigits(strings.TrimSpace(cell))
	for _, l := range layouts {
		day, err := time.ParseInLocation(l.layout, cell, baghdad)
		if err != nil {
			continue
		}
		if t.isTime() {
			return timeValue(day), true
		}
		return protoreflect.ValueOfString(day.Format(l.iso)), true
	}
	return protoreflect.Value{}, false
}
