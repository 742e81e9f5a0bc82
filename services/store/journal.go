package store

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"zombiezen.com/go/sqlite"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
)

// journal is where the entries of reads become durable: a file beside the
// database, to which those that wait are appended together. A commit of SQLite
// would write pages of 4 kB for entries of half a kB, and cool what every reader
// has at hand. A moment later they are posted into the database, where they are
// found; so the journal is short, and all that it holds is on its way.
//
// It has two halves: one is written while the other is posted.
type journal struct {
	file  *os.File
	meter Meter
	// fatal is told that the disk refused to keep what it took.
	fatal func(error)

	gate  sync.Mutex
	next  *gathering // those who wait for the next write
	spare *gathered  // what a write before had room in

	disk    sync.Mutex // held by whoever writes
	free    *sync.Cond // a half was posted, or could not be
	halves  [2]half
	writing int   // the half that is written
	last    int64 // the generation that was begun last
	failed  error // why nothing is taken: what was written cannot be posted
	closed  bool
	due     chan struct{} // there is enough to post, or no room
}

// half is one of the two: a header and what was written behind it since.
type half struct {
	generation int64 // 0: it is free
	end        int64 // of what was written
	room       int64 // up to where it was filled ahead
}

const (
	// halfBytes is how much a half holds: what comes in while the other one is posted
	// behind a commit of many changes.
	halfBytes = 4 << 20
	// postBytes is how much waits to be posted at the most while nothing is in the way.
	// More at once share the pages of what finds them; a change waits for some
	// milliseconds until they are written.
	postBytes = 512 << 10
	// roomBytes is by how much a half grows.
	roomBytes = 256 << 10
	// gatheringBytes is how much is written at once, and by one more.
	gatheringBytes = 1 << 20
)

// gathering is what is written at once, or not at all: the entries of those who
// wait, and how each of them is told.
type gathering struct {
	*gathered // the writer's alone once it is written
	done      chan struct{}
	err       error // until it is written, that it is not
}

// gathered is what was gathered.
type gathered struct {
	frame   []byte // its head, and the entries
	entries []jisrv1.LogEntry_Kind
	asked   []time.Time
}

// sparedBytes is the longest frame whose room is kept for another.
const sparedBytes = 256 << 10

// append returns when an entry is durable. Whoever comes first writes for all who
// have come by then; nobody waits for a clock. Without an entry it only tries.
func (j *journal) append(e *entry) error {
	g, first := j.join(e)
	if !first {
		<-g.done
		return g.err
	}
	defer close(g.done)
	j.disk.Lock()
	defer j.disk.Unlock()
	runtime.Gosched() // whoever can run now and is about to ask comes along
	j.gate.Lock()
	if j.next == g {
		j.next = nil
	}
	j.gate.Unlock()
	g.err = j.write(g)
	j.spareRoom(g)
	return g.err
}

// spareRoom keeps the room of what was written for what is written after the next.
func (j *journal) spareRoom(g *gathering) {
	room := g.gathered
	if g.gathered = nil; cap(room.frame) > sparedBytes {
		return
	}
	j.gate.Lock()
	j.spare = room
	j.gate.Unlock()
}

// join adds an entry to what is written next; first says that nobody was there.
func (j *journal) join(e *entry) (g *gathering, first bool) {
	j.gate.Lock()
	defer j.gate.Unlock()
	if g = j.next; g == nil || len(g.frame) > gatheringBytes {
		g, first = &gathering{gathered: j.spare, done: make(chan struct{}), err: fault.New(fault.LogUnavailable)}, true
		if j.next, j.spare = g, nil; g.gathered == nil {
			g.gathered = &gathered{}
		}
		g.frame, g.entries, g.asked = append(g.frame[:0], make([]byte, frameHead)...), g.entries[:0], g.asked[:0]
	}
	if e != nil {
		g.frame = appendEntry(g.frame, e)
		g.entries = append(g.entries, e.kind)
	}
	g.asked = append(g.asked, time.Now())
	return g, first
}

// write writes what was gathered behind what is there, and waits for the disk.
func (j *journal) write(g *gathering) error {
	began := time.Now()
	for _, asked := range g.asked {
		j.meter.Queued(began.Sub(asked))
	}
	h, err := j.roomFor(int64(len(g.frame)))
	if err != nil {
		return err
	}
	begins := h.generation == 0
	at, out := h.end, g.frame
	if begins {
		at, out = 0, append(header(j.last+1), g.frame...)
		seal(out[headerBytes:], j.last+1)
	} else {
		seal(out, h.generation)
	}
	offset := int64(j.writing) * halfBytes
	if err := j.extend(h, offset, at+int64(len(out))); err != nil {
		return j.refused(err)
	}
	if _, err := j.file.WriteAt(out, offset+at); err != nil {
		return j.refused(err) // what may be there of it is written over by the next
	}
	if err := datasync(j.file); err != nil {
		return j.forgot(sqlite.ResultIOErrFsync, err)
	}
	if begins {
		j.last++
		h.generation = j.last
	}
	before := h.end
	if h.end = at + int64(len(out)); h.end >= postBytes && before < postBytes {
		select {
		case j.due <- struct{}{}:
		default: // it is being posted
		}
	}
	j.meter.Committed(len(g.asked), g.entries, time.Since(began))
	return nil
}

// roomFor returns the half that takes so many bytes more. Where both are full it
// waits for one to be posted.
func (j *journal) roomFor(bytes int64) (*half, error) {
	if bytes+int64(headerBytes) > halfBytes {
		return nil, fault.New(fault.Internal)
	}
	for {
		h, other := &j.halves[j.writing], &j.halves[1-j.writing]
		switch {
		case j.closed:
			return nil, fault.New(fault.LogUnavailable)
		case j.failed != nil:
			return nil, errors.Join(fault.New(fault.LogUnavailable), j.failed)
		case h.generation == 0 || h.end+bytes <= halfBytes:
			return h, nil
		case other.generation == 0:
			j.writing = 1 - j.writing
		default:
			select {
			case j.due <- struct{}{}:
			default:
			}
			j.free.Wait()
		}
	}
}

// extend makes room where a half has never been written up to an end. It is filled
// ahead, so that most writes wait for their own bytes alone and not for the size of
// the file to be written too.
func (j *journal) extend(h *half, offset, end int64) error {
	if end <= h.room {
		return nil
	}
	room := (end + roomBytes - 1) / roomBytes * roomBytes
	if _, err := j.file.WriteAt(make([]byte, room-h.room), offset+h.room); err != nil {
		return err
	}
	h.room = room
	return nil
}

// refused is what a write is answered that the disk did not take.
func (j *journal) refused(err error) error {
	if errors.Is(err, unix.EIO) {
		return j.forgot(sqlite.ResultIOErrWrite, err)
	}
	return errors.Join(fault.New(fault.LogUnavailable), ofFile(sqlite.ResultIOErrWrite, err))
}

// forgot ends everything: nobody knows what the disk has kept.
func (j *journal) forgot(failed sqlite.ResultCode, err error) error {
	j.closed = true
	j.fatal(err)
	return errors.Join(fault.New(fault.LogUnavailable), ofFile(failed, err))
}
