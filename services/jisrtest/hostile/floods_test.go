package hostile_test

import (
	"context"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

const (
	whoAmI       = "/jisr.v1.AgreementService/WhoAmI"
	listAgencies = "/jisr.v1.DirectoryService/ListAgencies"
	createCase   = "/jisr.v1.CaseService/CreateCase"
)

// burst is how many frames of a flood are written at once.
const burst = 64

// flood is frames without end on one connection.
type flood struct {
	name  string
	begin func(*peer) error // may be nil
	step  func(*peer) error
}

func times(n int, f func() error) error {
	for range n {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// frames is a flood of one frame, again and again.
func frames(name string, write func(*http2.Framer) error) flood {
	return flood{name: name, step: func(p *peer) error {
		return times(burst, func() error { return write(p.framer) })
	}}
}

// onStream is a flood on one stream that a call has opened.
func onStream(name string, declared int, write func(f *http2.Framer, stream uint32) error) flood {
	return flood{
		name: name,
		begin: func(p *peer) error {
			id, err := p.open(createCase)
			if err != nil || declared == 0 {
				return err
			}
			return p.framer.WriteData(id, false, message(make([]byte, declared))[:5])
		},
		step: func(p *peer) error {
			return times(burst, func() error { return write(p.framer, p.next-2) })
		},
	}
}

var floods = []flood{
	{name: "rapid reset", step: func(p *peer) error {
		return times(burst, func() error {
			id, err := p.send(whoAmI, nil)
			p.forget()
			if err != nil {
				return err
			}
			return p.framer.WriteRSTStream(id, http2.ErrCodeCancel)
		})
	}},
	{name: "calls that do not exist", step: func(p *peer) error {
		return times(burst, func() error {
			id := p.begin()
			p.forget()
			return p.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.call("/no/such"), EndHeaders: true, EndStream: true})
		})
	}},
	{
		name: "CONTINUATION",
		begin: func(p *peer) error {
			return p.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: p.begin(), BlockFragment: p.call(whoAmI)})
		},
		step: func(p *peer) error {
			return p.framer.WriteContinuation(p.next-2, false, p.encode([2]string{"x-fill", strings.Repeat("x", 8<<10)}))
		},
	},
	{
		name: "empty CONTINUATION",
		begin: func(p *peer) error {
			return p.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: p.begin(), BlockFragment: p.call(whoAmI)})
		},
		step: func(p *peer) error {
			return times(burst, func() error { return p.framer.WriteContinuation(p.next-2, false, nil) })
		},
	},
	frames("PING", func(f *http2.Framer) error { return f.WritePing(false, [8]byte{1}) }),
	frames("PING answers", func(f *http2.Framer) error { return f.WritePing(true, [8]byte{1}) }),
	frames("SETTINGS", func(f *http2.Framer) error {
		return f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20}, http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0})
	}),
	frames("SETTINGS answers", func(f *http2.Framer) error { return f.WriteSettingsAck() }),
	frames("WINDOW_UPDATE", func(f *http2.Framer) error { return f.WriteWindowUpdate(0, 1) }),
	frames("PRIORITY", func(f *http2.Framer) error { return f.WritePriority(1, http2.PriorityParam{Weight: 1}) }),
	frames("GOAWAY", func(f *http2.Framer) error { return f.WriteGoAway(0, http2.ErrCodeNo, nil) }),
	frames("frames of no known kind", func(f *http2.Framer) error { return f.WriteRawFrame(0xee, 0, 0, nil) }),
	frames("RST_STREAM of no stream", func(f *http2.Framer) error { return f.WriteRSTStream(1<<20+1, http2.ErrCodeCancel) }),
	onStream("empty DATA", 0, func(f *http2.Framer, stream uint32) error { return f.WriteData(stream, false, nil) }),
	onStream("DATA byte by byte", 200<<10, func(f *http2.Framer, stream uint32) error { return f.WriteData(stream, false, []byte{0}) }),
}

func TestAFloodOfFramesCutsItsConnectionAndHarmsNobodyBeside(t *testing.T) {
	x := start(t, "")
	w := x.settle()
	for _, f := range floods {
		t.Run(f.name, func(t *testing.T) {
			w.while(func() {
				p := x.served(t)
				ctx, cancel := context.WithTimeout(context.Background(), limit)
				defer cancel()
				if f.begin != nil {
					_ = f.begin(p) // a connection that was closed shows below
				}
				n := p.until(ctx, func() error { return f.step(p) })
				p.closes(t)
				t.Logf("cut after %d steps", n)
			})
		})
	}
	x.bounded()
	if log := x.process.Log.String(); !strings.Contains(log, "connection cut") || !strings.Contains(log, "kri-dcoc") {
		t.Errorf("the log does not tell whose connections were cut:\n%s", log)
	}
}

// The control: it is the meter that cuts, since with budgets as wide as the sea
// the same frames go through.
func TestWithoutBudgetsAFloodGoesOn(t *testing.T) {
	x := start(t, "budgets: {calls_per_second: 1000000, calls_in_flight: 1000000}\n")
	for _, f := range floods {
		switch f.name {
		case "rapid reset", "empty DATA", "WINDOW_UPDATE", "PRIORITY", "frames of no known kind", "SETTINGS":
		default:
			continue // the transport bounds it too, or the frames are an error
		}
		t.Run(f.name, func(t *testing.T) {
			p, err := x.dial()
			if err != nil {
				t.Fatal(err)
			}
			if f.begin != nil {
				if err := f.begin(p); err != nil {
					t.Fatal(err)
				}
			}
			for range 10_000 / burst {
				if err := f.step(p); err != nil {
					t.Fatal(err)
				}
			}
			if id, err := p.send(whoAmI, nil); err != nil {
				t.Fatal(err)
			} else if a, ok := p.wait(t, id); !ok {
				t.Fatalf("the connection was cut: %+v", a)
			}
		})
	}
}

func TestWhoGivesUpItsCallsIsNotCut(t *testing.T) {
	x := start(t, "")
	client := x.client(good)
	for range 200 {
		ctx, cancel := context.WithCancel(context.Background())
		cancelled := make(chan struct{})
		go func() {
			defer close(cancelled)
			_, _ = client.ListAgencies(ctx, &jisrv1.ListAgenciesRequest{})
		}()
		cancel()
		<-cancelled
	}
	if _, err := client.WhoAmI(context.Background(), &jisrv1.WhoAmIRequest{}); err != nil {
		t.Fatal(err)
	}
	if log := x.process.Log.String(); strings.Contains(log, "connection cut") {
		t.Fatalf("a patient client was cut:\n%s", log)
	}
}
