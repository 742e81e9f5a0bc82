package budget

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// head is an encoded frame of which the payload is zeroes.
func head(kind, flags byte, stream uint32, length int) []byte {
	b := []byte{byte(length >> 16), byte(length >> 8), byte(length), kind, flags}
	b = binary.BigEndian.AppendUint32(b, stream)
	return append(b, make([]byte, length)...)
}

func book(t testing.TB, l Limits) (*Book, *[]Cut) {
	t.Helper()
	var cuts []Cut
	b, err := NewBook(l, func(agency string) bool { return agency == "police" || agency == "court" }, func(c Cut) { cuts = append(cuts, c) })
	if err != nil {
		t.Fatal(err)
	}
	return b, &cuts
}

// link is a meter and what is sent to it.
func link(t testing.TB, b *Book, sent ...[]byte) *meter {
	t.Helper()
	all := append([][]byte{make([]byte, preface)}, sent...)
	return newMeter(&wire{in: bytes.NewReader(slices.Concat(all...))}, b, "police", "desk")
}

// wire is a connection that holds what is read and drops what is written.
type wire struct {
	net.Conn
	in     *bytes.Reader
	closed bool
}

func (w *wire) Read(p []byte) (int, error)  { return w.in.Read(p) }
func (w *wire) Write(p []byte) (int, error) { return len(p), nil }
func (w *wire) Close() error                { w.closed = true; return nil }

func FuzzFramesAreFoundHoweverTheyAreCutUp(f *testing.F) {
	f.Add(slices.Concat(head(frameHeaders, 4, 1, 30), head(frameData, 1, 1, 0), head(frameReset, 0, 1, 4)), uint8(1))
	f.Add(slices.Concat(head(9, 0, 1, 70_001), head(frameHeaders, 5, 3, 0)), uint8(255))
	f.Fuzz(func(t *testing.T, text []byte, step uint8) {
		var want []frame // read plainly, the whole at once
		for rest := text; len(rest) >= frameHead; {
			h := frame{
				length: uint32(rest[0])<<16 | uint32(rest[1])<<8 | uint32(rest[2]), kind: rest[3], flags: rest[4],
				stream: binary.BigEndian.Uint32(rest[5:9]) & 0x7fffffff,
			}
			want = append(want, h)
			rest = rest[min(len(rest), frameHead+int(h.length)):]
		}
		var got []frame
		var found frames
		for part := range slices.Chunk(text, int(step)+1) {
			found.read(part, func(h frame) bool { got = append(got, h); return true })
		}
		if !slices.Equal(got, want) {
			t.Fatalf("found %v, there are %v", got, want)
		}
	})
}

func TestCallsAreHeldAgainstTheAccountUntilTheirAnswerIsOut(t *testing.T) {
	b, _ := book(t, Limits{CallsPerSecond: 1000, CallsInFlight: 2, Connections: 1, CallTime: time.Minute})
	account := b.Of("police")
	m := link(t, b, head(frameHeaders, 4, 1, 10), head(frameHeaders, 4, 3, 10), head(frameHeaders, 4, 5, 10))
	if _, err := m.Read(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if _, ok := account.Admit(); ok {
		t.Fatal("a third call was let in beside two")
	}
	// Headers begin an answer and do not end it; data may.
	write := func(frames ...[]byte) {
		if _, err := m.Write(slices.Concat(frames...)); err != nil {
			t.Fatal(err)
		}
	}
	write(head(frameHeaders, 4, 1, 10), head(frameData, 0, 1, 10))
	if _, ok := account.Admit(); ok {
		t.Fatal("an answer that has begun was taken for one that is out")
	}
	write(head(frameHeaders, 4|flagEndStream, 1, 10), head(frameHeaders, 4|flagEndStream, 1, 10)) // once is enough
	if _, ok := account.Admit(); !ok {
		t.Fatal("an answer that is out is still held against the account")
	}
	if err := errors.Join(m.Close(), m.Close()); err != nil {
		t.Fatal(err)
	}
	if account.open != 0 || account.connections != 0 {
		t.Fatalf("%d calls and %d connections are left of a closed connection", account.open, account.connections)
	}
}

func TestAnAgencysDebtIsNotItsNeighbours(t *testing.T) {
	b, _ := book(t, Limits{CallsPerSecond: 10, CallsInFlight: 100, Connections: 10, CallTime: time.Minute})
	b.Of("police").Charge(1000)
	if wait, ok := b.Of("police").Admit(); ok || wait < 50*time.Second {
		t.Errorf("an agency a hundred seconds in debt is let in, or told to wait %v", wait)
	}
	if m := link(t, b); m.take() != InDebt {
		t.Error("an agency in debt may open a connection")
	}
	if wait, ok := b.Of("court").Admit(); !ok || wait != 0 {
		t.Error("the neighbour has to wait")
	}
	// Whoever the agreement does not know shares one account, however it calls itself.
	if b.Of("nobody") != b.Of("no-one") || len(b.accounts) != 3 {
		t.Errorf("the book holds %d accounts", len(b.accounts))
	}
}

func TestALimitThatIsNoneIsRefused(t *testing.T) {
	for _, l := range []Limits{{}, {CallsPerSecond: -1, CallsInFlight: 1, Connections: 1, CallTime: 1}} {
		if _, err := NewBook(l, nil, nil); err == nil {
			t.Errorf("%+v was taken", l)
		}
	}
}

func TestWhatIsReportedOfAFloodIsALine(t *testing.T) {
	b, cuts := book(t, Default())
	for range 1000 {
		b.cut(b.Of("police"), Cut{Agency: "police", Reason: TooManyFrames})
	}
	b.cut(b.Of("court"), Cut{Agency: "court", Reason: TooManyFrames})
	lines := 0
	for _, c := range *cuts {
		if !c.Quiet {
			lines++
		}
	}
	if len(*cuts) != 1001 || lines != 2 || b.Of("police").unreported != 999 {
		t.Errorf("%d are counted, %d have a line, %d are left out", len(*cuts), lines, b.Of("police").unreported)
	}
}

func TestAnAgencyChangesAFewThingsAtOnceAndReadsBesideThat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := book(t, Limits{CallsPerSecond: 1000, CallsInFlight: 16, Connections: 1, CallTime: time.Minute})
		police := b.Of("police")
		changing := make(chan func(), 10)
		for range 10 {
			go func() {
				done, err := police.Change(t.Context())
				if err != nil {
					t.Error(err)
				}
				changing <- done
			}()
		}
		synctest.Wait()
		if len(changing) != 2 {
			t.Fatalf("%d calls change something at once, want an eighth of sixteen", len(changing))
		}
		if !police.Run() {
			t.Error("a call that reads waits for those that change")
		}
		if _, err := b.Of("court").Change(t.Context()); err != nil {
			t.Error(err)
		}
		given, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := police.Change(given); !errors.Is(err, context.Canceled) {
			t.Errorf("a call that was given up: %v", err)
		}
		for n := range 10 {
			(<-changing)()
			synctest.Wait()
			if want := min(2, 9-n); len(changing) != want {
				t.Fatalf("after %d calls %d are at work, want %d", n+1, len(changing), want)
			}
		}
	})
}
