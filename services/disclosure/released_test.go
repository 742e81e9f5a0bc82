package disclosure

import (
	"bytes"
	"errors"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
	"github.com/jisr-exchange/jisr/services/record"
)

func TestAMessageInsideAReplyHasItsLengthHoweverLongItIs(t *testing.T) {
	for _, length := range []int{0, 1, 127, 128, 16383, 16384, 2097151, 2097152} {
		content := bytes.Repeat([]byte{7}, length)
		out := append([]byte("before"), make([]byte, lengthRoom)...)
		out = setLength(append(out, content...), len("before"))
		if want := protowire.AppendBytes([]byte("before"), content); !bytes.Equal(out, want) {
			t.Errorf("%d bytes are written as %d, want %d", length, len(out), len(want))
		}
	}
}

// TestAListIsReleasedAsItsRecordsAndTheExchangesWords encodes a list by the gate's
// walk and reads it as a client does; what the handler put beside is not in it.
func TestAListIsReleasedAsItsRecordsAndTheExchangesWords(t *testing.T) {
	f := newFixture(t)
	ctx, docket := agreement.WithDocket(t.Context())
	list := &jisrv1.ListVictimsResponse{}
	for _, name := range []string{victimName, otherName} {
		v, e := f.sealed(t, name)
		header, err := proto.Marshal(jisrv1.Victim_builder{Name: name}.Build())
		must(t, err)
		docket.Load(name, agreement.Loaded{Standing: caring, Header: header})
		record.Attach(v, e.Append(nil))
		list.SetVictims(append(list.GetVictims(), v))
	}
	list.SetNextPageToken("another page")
	list.ProtoReflect().SetUnknown(protowire.AppendString(protowire.AppendTag(nil, 99, protowire.BytesType), "beside"))
	released, err := encoded(listed(list), func(b []byte) (_ []byte, err error) {
		b, _, err = f.page.encode(ctx, f.caller, b, list, true)
		return b, err
	})
	must(t, err)
	sent, err := released.Send()
	must(t, err)
	read := &jisrv1.ListVictimsResponse{}
	must(t, proto.Unmarshal(sent.Materialize(), read))
	if released.Listed() != 2 || len(read.GetVictims()) != 2 || read.GetNextPageToken() != "another page" || len(read.ProtoReflect().GetUnknown()) > 0 {
		t.Errorf("%d of %d victims, token %q", len(read.GetVictims()), released.Listed(), read.GetNextPageToken())
	}
	for i, name := range []string{victimName, otherName} {
		if v := read.GetVictims()[i]; v.GetName() != name || v.GetLocation().GetAddress() != secret || len(v.ProtoReflect().GetUnknown()) > 0 {
			t.Errorf("the victim %s is read as %v", name, v)
		}
	}
	sent.Free()
	if _, err := released.Send(); !errors.Is(err, errSpent) {
		t.Errorf("a reply is sent twice: %v", err)
	}
}

func TestAReplyIsWhatWasEncodedWhateverWasInItsRoomBefore(t *testing.T) {
	for _, length := range []int{0, 2000, 2 << 10, 200 << 10, 3 << 20, 2000, 1 << 20, 10} {
		want := bytes.Repeat([]byte{byte(length), 1, 2}, length/3)
		released, err := encoded(length>>16, func(b []byte) ([]byte, error) { return append(b, want...), nil })
		must(t, err)
		sent, err := released.Send()
		must(t, err)
		if !bytes.Equal(sent.Materialize(), want) {
			t.Errorf("of %d bytes %d others are sent", len(want), sent.Len())
		}
		sent.Free()
	}
	if _, err := encoded(1, func([]byte) ([]byte, error) { return []byte(secret), errClear }); !errors.Is(err, errClear) {
		t.Errorf("a reply that could not be encoded is released: %v", err)
	}
}
