package budget

import "encoding/binary"

// The frames of HTTP/2 that are told apart (RFC 9113, section 6); all others are alike.
const (
	frameData    = 0x0
	frameHeaders = 0x1
	frameReset   = 0x3

	flagEndStream = 0x1

	frameHead = 9  // bytes before each frame's payload
	preface   = 24 // bytes that a client sends before its first frame
)

// frame is the head of a frame.
type frame struct {
	length uint32
	kind   byte
	flags  byte
	stream uint32
}

// frames finds the heads of frames in a stream of bytes, however it is cut up.
// It holds nine bytes and follows no state of HTTP/2: what is wrong with the
// frames is the transport's to say.
type frames struct {
	head [frameHead]byte
	have int    // bytes of the head
	skip uint32 // bytes that are no head: of the preface, or of a payload
}

// read calls each for every head that ends in p, until one is refused.
func (f *frames) read(p []byte, each func(frame) bool) bool {
	for len(p) > 0 {
		if f.skip > 0 {
			n := min(uint32(len(p)), f.skip)
			f.skip -= n
			p = p[n:]
			continue
		}
		n := copy(f.head[f.have:], p)
		f.have += n
		p = p[n:]
		if f.have < frameHead {
			return true
		}
		f.have = 0
		h := frame{
			length: uint32(f.head[0])<<16 | uint32(f.head[1])<<8 | uint32(f.head[2]),
			kind:   f.head[3], flags: f.head[4],
			stream: binary.BigEndian.Uint32(f.head[5:]) &^ (1 << 31),
		}
		f.skip = h.length
		if !each(h) {
			return false
		}
	}
	return true
}
