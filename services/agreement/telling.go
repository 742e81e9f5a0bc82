package agreement

import (
	"time"

	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

// Telling is what a caller tells about a record.
type Telling struct {
	// Law, Role, Purpose and Agency are the caller's.
	Law     *Law
	Role    jisrv1.Role
	Purpose jisrv1.Purpose
	Agency  string
	// Name is the record's name.
	Name string
	// Standing is the caller's to the record; for a new one, to its parent.
	Standing Standing
	// Record is the record as it stands, header set; for a new one, as it shall be.
	Record proto.Message
	// Envelope is the record's, changed in place.
	Envelope *record.Envelope
	// Incoming holds what is told.
	Incoming proto.Message
	// Mask names it; nil for a new record: all that is set.
	Mask []string
	// Time is when.
	Time time.Time
}

// Told says what was told.
type Told struct {
	// Changed are the paths, for the log.
	Changed []string
	// Classes are their classes.
	Classes record.ClassSet
}
