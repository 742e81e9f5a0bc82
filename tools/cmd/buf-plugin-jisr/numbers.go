package main

import (
	"slices"

	"buf.build/go/bufplugin/descriptor"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Field numbers of a record. Section numbers are bound into what is sealed, so
// a number says for ever whether it is header or section.
const (
	lastHeaderNumber   = 19
	firstSectionNumber = 20
	lastSectionNumber  = 999

	// Sealed sections travel under these numbers, as unknown fields: a declared
	// field there would be read as one.
	firstSealedNumber = 16000
	lastSealedNumber  = 17999
)

// checkNumbers finds records whose numbers do not keep header, sections and
// sealed sections apart.
func checkNumbers(files []descriptor.FileDescriptor, found report) {
	for record := range records(files) {
		if !reservesSealed(record) {
			found(record, "record %q does not reserve the numbers under which its sealed sections travel. Add: reserved %d to %d;",
				record.FullName(), firstSealedNumber, lastSealedNumber)
		}
		for field := range all(record.Fields()) {
			number := field.Number()
			switch header := inHeader(field); {
			case header && number > lastHeaderNumber:
				found(field, "field %q of record %q belongs to the header, whose numbers are 1 to %d, and has number %d. Renumber it.",
					field.Name(), record.FullName(), lastHeaderNumber, number)
			case !header && (number < firstSectionNumber || number > lastSectionNumber):
				found(field, "field %q of record %q is a section, whose numbers are %d to %d, and has number %d. Renumber it.",
					field.Name(), record.FullName(), firstSectionNumber, lastSectionNumber, number)
			}
		}
	}
}

// reservesSealed tells whether the record's reserved ranges, taken together,
// hold every number of the sealed range.
func reservesSealed(record protoreflect.MessageDescriptor) bool {
	var ranges [][2]protoreflect.FieldNumber // first included, second not
	for i := range record.ReservedRanges().Len() {
		ranges = append(ranges, record.ReservedRanges().Get(i))
	}
	slices.SortFunc(ranges, func(a, b [2]protoreflect.FieldNumber) int { return int(a[0] - b[0]) })
	next := protoreflect.FieldNumber(firstSealedNumber)
	for _, r := range ranges {
		if r[0] <= next && r[1] > next {
			next = r[1]
		}
	}
	return next > lastSealedNumber
}
