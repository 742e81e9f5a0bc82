package disclosure

import (
	"errors"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/jisr-exchange/jisr/services/record"
)

// Released is a reply as it goes out, encoded. The gate alone makes one, when the
// entry of what it shows is durable, and the codec sends no other reply of the contract.
type Released struct {
	room   *[]byte
	listed int
}

var errSpent = errors.New("disclosure: a reply is sent once")

// Listed is how many messages the reply lists.
func (r *Released) Listed() int { return r.listed }

// Send hands the reply's bytes over, once: the transport writes them as they are
// and gives their room back.
func (r *Released) Send() (mem.BufferSlice, error) {
	room := r.room
	if r.room = nil; room == nil {
		return nil, errSpent
	}
	return mem.BufferSlice{mem.NewBuffer(room, rooms)}, nil
}

// rooms are what replies are encoded in. They double in size from 2 KiB to 1 MiB: one
// is cleared as a whole before it is used, and grpc-go's own go from 32 KiB to
// 1 MiB at once, so that each page of a list would clear a megabyte.
var rooms = mem.NewTieredBufferPool(2<<10, 4<<10, 8<<10, 16<<10, 32<<10, 64<<10, 128<<10, 256<<10, 512<<10, 1<<20)

// The first guess at a reply's room is made by how much is listed, and not by what
// is hidden: so long is a record that is mostly open, and a page has so many.
// Longer lists are of short words.
const likely, most = 2 << 10, 100

// encoded lets append encode a reply of so many messages into a room.
func encoded(listed int, appendTo func([]byte) ([]byte, error)) (*Released, error) {
	room := rooms.Get(likely * min(max(listed, 1), most))
	b, err := appendTo((*room)[:0])
	if err != nil {
		rooms.Put(room)
		return nil, err
	}
	if cap(b) == cap(*room) {
		*room = b
		return &Released{room, listed}, nil
	}
	rooms.Put(room) // it was too small
	return &Released{&b, listed}, nil
}

// listed is how many messages a reply lists; a record lists none.
func listed(m proto.Message) (n int) {
	r := m.ProtoReflect()
	if record.ByDescriptor(r.Descriptor()) != nil {
		return 0
	}
	fields := r.Descriptor().Fields()
	for i := range fields.Len() {
		if fd := fields.Get(i); fd.IsList() && fd.Kind() == protoreflect.MessageKind {
			n += r.Get(fd).List().Len()
		}
	}
	return n
}
