package agreement

import (
	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

// Outline is what of a record goes out to a caller before anything of it is opened,
// and the sections that are then to be opened. The page makes it, of nothing but the
// record at rest, the caller and its lens, so that it is kept as long as these are the
// same. Whoever has one only reads it.
type Outline struct {
	// Agency and Role are for whom it was made.
	Agency string
	Role   jisrv1.Role
	// Lens are the classes that it was made for.
	Lens record.ClassSet
	// Header is what goes out of the header, with etag and update time, encoded.
	Header []byte
	// Classes are the classes of what goes out of the header.
	Classes record.ClassSet
	// ETag stands for the caller's view of the record.
	ETag [16]byte
	// KeyID names the data key of the sections.
	KeyID string
	// Sections are the sections that the lens opens, sealed as they are at rest.
	Sections []record.Section
}

// For reports whether it was made for a caller and a lens. Who may see what is asked
// anew whenever something is shown: what was made under another answer is not shown.
func (o *Outline) For(agency string, role jisrv1.Role, lens record.ClassSet) bool {
	return o.Lens == lens && o.Role == role && o.Agency == agency
}

// Readable is how many bytes of the record's sections the caller may read.
func (o *Outline) Readable() (n int) {
	for i := range o.Sections {
		n += len(o.Sections[i].Sealed)
	}
	return n
}

// Bytes is how much memory it takes beside the record at rest.
func (o *Outline) Bytes() int {
	if o == nil {
		return 0
	}
	return 160 + cap(o.Header) + 64*cap(o.Sections)
}
