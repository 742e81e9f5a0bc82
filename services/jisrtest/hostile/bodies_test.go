package hostile_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/fault"
)

// code is the status that a stream was answered.
func (a answer) code() codes.Code {
	n, err := strconv.Atoi(a.fields["grpc-status"])
	if err != nil {
		return codes.Unknown
	}
	return codes.Code(n)
}

// details are the catalogue's reason and the rules that were broken, and whether
// the answer says when to try again.
func (a answer) details(t testing.TB) (reason fault.Reason, rules string, retry bool) {
	t.Helper()
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(a.fields["grpc-status-details-bin"], "="))
	if err != nil {
		t.Fatal(err)
	}
	st := &rpcstatus.Status{}
	if err := proto.Unmarshal(raw, st); err != nil {
		t.Fatal(err)
	}
	for _, d := range st.GetDetails() {
		m, err := d.UnmarshalNew()
		if err != nil {
			t.Fatal(err)
		}
		switch m := m.(type) {
		case *errdetails.ErrorInfo:
			reason = fault.Reason(m.GetReason())
		case *errdetails.BadRequest:
			for _, v := range m.GetFieldViolations() {
				rules += v.GetField() + ": " + v.GetDescription() + "\n"
			}
		case *errdetails.RetryInfo:
			retry = m.GetRetryDelay().AsDuration() > 0
		}
	}
	return reason, rules, retry
}

// field is an encoded field that holds bytes.
func field(number protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), value)
}

// Numbers in CreateCaseRequest and below.
const (
	requestCase = 1
	caseCore    = 20
	coreForms   = 1
)

func TestABodyThatUnfoldsIsRefusedInWordsBeforeItIsBuilt(t *testing.T) {
	x := start(t, "")
	w := x.settle()
	nested := func(n int) []byte {
		b := []byte{}
		for range n {
			if b = field(requestCase, b); len(b) > 200<<10 {
				break
			}
		}
		return b
	}
	grouped := append(bytes.Repeat(protowire.AppendTag(nil, 30, protowire.StartGroupType), 10_000),
		bytes.Repeat(protowire.AppendTag(nil, 30, protowire.EndGroupType), 10_000)...)
	for what, c := range map[string]struct {
		body []byte
		code codes.Code
		rule string // of INVALID
	}{
		"a hundred thousand empty submessages": {bytes.Repeat(field(requestCase, nil), 100_000), codes.InvalidArgument, "no more than 4096"},
		"two million empty submessages":        {bytes.Repeat(field(requestCase, nil), 2_000_000), codes.ResourceExhausted, ""},
		"ten thousand levels":                  {nested(10_000), codes.InvalidArgument, "request"},
		"ten thousand levels of groups":        {grouped, codes.InvalidArgument, "encoded message"},
		"a hundred thousand packed items":      {field(requestCase, field(caseCore, field(coreForms, bytes.Repeat([]byte{1}, 100_000)))), codes.InvalidArgument, "no more than 4096"},
		"a hundred thousand unknown fields":    {bytes.Repeat([]byte{0xf8, 0x7f, 1}, 60_000), codes.InvalidArgument, "no more than 4096"},
		"a length beyond the end":              {[]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x07}, codes.InvalidArgument, "encoded message"},
		"a varint without end":                 {bytes.Repeat([]byte{0xff}, 100), codes.InvalidArgument, "encoded message"},
		"text that is not UTF-8":               {field(requestCase, field(2, []byte{0xff, 0xfe})), codes.InvalidArgument, "request"},
		"a field that does not exist":          {field(999, []byte("x")), codes.InvalidArgument, "does not have"},
		"oversize":                             {make([]byte, 300<<10), codes.ResourceExhausted, ""},
	} {
		t.Run(what, func(t *testing.T) {
			w.while(func() {
				p := x.served(t)
				id, err := p.send(createCase, c.body)
				a, ok := p.wait(t, id)
				if !ok {
					t.Fatalf("the connection was cut: %v", err)
				}
				if a.code() != c.code {
					t.Fatalf("answered %v %q, want %v", a.code(), a.fields["grpc-message"], c.code)
				}
				if c.code != codes.InvalidArgument {
					return // the transport refuses it by its length
				}
				reason, rules, _ := a.details(t)
				if reason != fault.InvalidRequest || !strings.Contains(rules, c.rule) {
					t.Errorf("answered %s %q, want INVALID that says %q", reason, rules, c.rule)
				}
				p.conn.Close()
			})
		})
	}
	x.bounded()
}

func TestMalformedCallsAreRefusedAndTheServerGoesOn(t *testing.T) {
	x := start(t, "")
	w := x.settle()
	plain := [][2]string{{":method", "POST"}, {":scheme", "https"}, {":path", whoAmI}, {":authority", "x"}, {"content-type", "application/grpc"}, {"te", "trailers"}}
	with := func(name, value string) [][2]string {
		fields := make([][2]string, 0, len(plain))
		for _, f := range plain {
			if f[0] == name {
				f[1] = value
			}
			if f[1] != "" {
				fields = append(fields, f)
			}
		}
		return fields
	}
	many := append([][2]string{}, plain...)
	for i := range 2000 {
		many = append(many, [2]string{"x-" + strconv.Itoa(i), "1"})
	}
	for what, fields := range map[string][][2]string{
		"no path":                 with(":path", ""),
		"an empty service":        with(":path", "//WhoAmI"),
		"a path without a slash":  with(":path", "jisr.v1.AgreementService"),
		"a path that climbs":      with(":path", "/jisr.v1.CaseService/../AgreementService/WhoAmI"),
		"a path of 8 KiB":         with(":path", "/"+strings.Repeat("x", 8<<10)),
		"bytes for a path":        with(":path", "/\xff\xfe/\x01"),
		"GET":                     with(":method", "GET"),
		"another content":         with("content-type", "application/json"),
		"a subtype of no codec":   with("content-type", "application/grpc+exec"),
		"no authority":            with(":authority", ""),
		"a deadline of nothing":   append(with("", ""), [2]string{"grpc-timeout", "0n"}),
		"a deadline of nonsense":  append(with("", ""), [2]string{"grpc-timeout", "99999999999S"}),
		"a broken binary header":  append(with("", ""), [2]string{"x-bin", "%%%"}),
		"a compressor":            append(with("", ""), [2]string{"grpc-encoding", "zstd"}),
		"headers of 1 MiB":        append(with("", ""), [2]string{"x-fill", strings.Repeat("x", 1<<20)}),
		"two thousand headers":    many,
		"the same header a lot":   append(with("", ""), slicesOf("jisr-officer", 200)...),
		"headers of another's":    append(with("", ""), [2]string{"jisr-agency", "moi-ct"}),
		"a connection header":     append(with("", ""), [2]string{"connection", "close"}),
		"capitals in header name": append(with("", ""), [2]string{"X-Upper", "1"}),
	} {
		t.Run(what, func(t *testing.T) {
			w.while(func() {
				p := x.served(t)
				id := p.begin()
				block := p.encode(fields...)
				first := block[:min(len(block), 16<<10)]
				block = block[len(first):]
				err := p.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: first, EndHeaders: len(block) == 0})
				for err == nil && len(block) > 0 { // the server may be gone before the end
					next := block[:min(len(block), 16<<10)]
					block = block[len(next):]
					err = p.framer.WriteContinuation(id, len(block) == 0, next)
				}
				_ = p.body(id, message(nil))
				a, ok := p.wait(t, id)
				if ok && !a.reset && a.code() == codes.OK && !strings.HasPrefix(what, "a subtype") {
					t.Errorf("answered OK: %v", a.fields)
				}
				p.conn.Close()
			})
		})
	}
	x.bounded()
}

func TestACompressedRequestIsRefused(t *testing.T) {
	c := start(t, "").client(good)
	request := jisrv1.ListCasesRequest_builder{PageSize: 5}.Build() // nothing is not compressed
	if _, err := c.ListCases(t.Context(), request); err != nil {
		t.Fatalf("the control, a plain one: %v", err)
	}
	if _, err := c.ListCases(t.Context(), request, grpc.UseCompressor(gzip.Name)); err == nil || !strings.Contains(err.Error(), "compressed requests are not taken") {
		t.Errorf("a compressed one: %v", err)
	}
}

func slicesOf(name string, n int) (fields [][2]string) {
	for i := range n {
		fields = append(fields, [2]string{name, "o-" + strconv.Itoa(i)})
	}
	return fields
}

func TestMalformedFramesCloseTheirConnectionAndNoOther(t *testing.T) {
	x := start(t, "")
	w := x.settle()
	for what, write := range map[string]func(p *peer) error{
		"data on stream 0":      func(p *peer) error { return p.framer.WriteRawFrame(http2.FrameData, 0, 0, []byte("x")) },
		"headers on stream 0":   func(p *peer) error { return p.framer.WriteRawFrame(http2.FrameHeaders, 4, 0, nil) },
		"an even stream":        func(p *peer) error { return p.framer.WriteRawFrame(http2.FrameHeaders, 4, 2, p.call(whoAmI)) },
		"a stream that went by": func(p *peer) error { return p.framer.WriteRawFrame(http2.FrameHeaders, 4, 1, p.call(whoAmI)) },
		"no table entry": func(p *peer) error {
			return p.framer.WriteRawFrame(http2.FrameHeaders, 4, p.begin(), []byte{0xff, 0xff, 0x7f})
		},
		"padding beyond the frame": func(p *peer) error { return p.framer.WriteRawFrame(http2.FrameData, 8, p.begin(), []byte{0xff, 1}) },
		"settings of five bytes":   func(p *peer) error { return p.framer.WriteRawFrame(http2.FrameSettings, 0, 0, make([]byte, 5)) },
		"a ping of one byte":       func(p *peer) error { return p.framer.WriteRawFrame(http2.FramePing, 0, 0, []byte{1}) },
		"a continuation of none":   func(p *peer) error { return p.framer.WriteRawFrame(http2.FrameContinuation, 4, 1, nil) },
		"a frame of 16 MiB":        func(p *peer) error { return p.framer.WriteRawFrame(http2.FrameData, 0, 1, make([]byte, 1<<24-1)) },
		"no frames at all": func(p *peer) error {
			_, err := p.out.WriteString(strings.Repeat("GET / HTTP/1.1\r\n", 2000))
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			w.while(func() {
				p := x.served(t)
				_ = errors.Join(write(p), p.out.Flush()) // the server may be gone already
				p.closes(t)
			})
		})
	}
	x.bounded()
}

// What a client has no business to send and the transport passes over: it opens
// nothing, and the connection goes on.
func TestAPushIsPassedOver(t *testing.T) {
	x := start(t, "")
	w := x.settle()
	w.while(func() {
		p := x.served(t)
		x.must(p.framer.WriteRawFrame(http2.FramePushPromise, 4, 1, make([]byte, 4)))
		id, err := p.send(whoAmI, nil)
		x.must(err)
		if a, ok := p.wait(t, id); !ok || a.code() != codes.OK {
			t.Errorf("after a push the connection answers %+v", a)
		}
	})
	x.bounded()
}
