package logline

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
)

// said is the line of a call as the library writes it.
func said(t *testing.T, at time.Time, attrs []slog.Attr) string {
	t.Helper()
	var b bytes.Buffer
	r := slog.NewRecord(at, slog.LevelInfo, "call", 0)
	r.AddAttrs(attrs...)
	if err := slog.NewJSONHandler(&b, nil).Handle(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// withoutTime is a line behind its time, which is the moment's.
func withoutTime(t *testing.T, line string) string {
	t.Helper()
	at, rest, ok := strings.Cut(line, ",")
	if text, found := strings.CutPrefix(at, `{"time":"`); !ok || !found {
		t.Fatalf("a line does not begin with its time: %s", line)
	} else if _, err := time.Parse(time.RFC3339Nano, strings.TrimSuffix(text, `"`)); err != nil {
		t.Fatal(err)
	}
	return rest
}

func TestTheLineOfACallIsTheLibrarys(t *testing.T) {
	const alphabet = "aZ09-._/ \"\\\n\x00\u0643\u2028<&"
	rng := rand.New(rand.NewPCG(1, 2))
	word := func(sound ...string) string {
		if rng.IntN(2) == 0 {
			return sound[rng.IntN(len(sound))]
		}
		var b strings.Builder
		for range rng.IntN(20) {
			b.WriteRune([]rune(alphabet)[rng.IntN(len([]rune(alphabet)))])
		}
		return b.String()
	}
	for range 5000 {
		c := Call{
			Method: word("CaseService/GetVictim", "grpc.health.v1.Health/Check"), Code: codes.Code(rng.IntN(20)),
			Took: time.Duration(rng.Int64N(int64(time.Hour))) - time.Second, Said: []string{word("grpc-go/1.85.0", "grpcurl/v1.9.3 grpc-go/1.61.0")},
			Agency: word("moi-ct", ""), System: word("main", "records"),
		}
		var direct, library bytes.Buffer
		Called(context.Background(), New("json", &direct), c)
		Called(context.Background(), slog.New(slog.NewJSONHandler(&library, nil)), c)
		if got, want := withoutTime(t, direct.String()), withoutTime(t, library.String()); got != want {
			t.Fatalf("%+v\n%s is not\n%s", c, got, want)
		}
	}
	for _, at := range []time.Time{
		time.Now(), time.Unix(0, 0).UTC(), time.Unix(1, 100).UTC(), time.Unix(1, 5e8).In(time.FixedZone("", 3*3600)), time.Unix(1, 1).In(time.FixedZone("", -90*60)),
	} {
		attrs := []slog.Attr{Took(1234 * time.Microsecond), Agency("moi-ct")}
		if got, want := string(appendLine(nil, at, "call", attrs)), said(t, at, attrs); got != want {
			t.Errorf("%s is not\n%s", got, want)
		}
	}
}

func TestALogThatTellsOfNoCallsIsAskedFirst(t *testing.T) {
	var b bytes.Buffer
	Called(context.Background(), slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: slog.LevelWarn})), Call{})
	Called(context.Background(), slog.New(slog.DiscardHandler), Call{})
	if b.Len() > 0 {
		t.Errorf("a line is written that nobody wants: %s", b.String())
	}
	Called(context.Background(), New("text", &b), Call{Method: "CaseService/GetCase", Agency: "moi-ct", System: "main"})
	if line := b.String(); !strings.Contains(line, "msg=call method=CaseService/GetCase") || !strings.Contains(line, "agency=moi-ct") {
		t.Errorf("a log for eyes does not tell of a call: %s", line)
	}
	b.Reset()
	Called(context.Background(), New("json", &b).With(Part("store")), Call{Method: "CaseService/GetCase"})
	if line := b.String(); !strings.Contains(line, `"part":"store"`) || strings.Contains(line, "agency") {
		t.Errorf("what all lines of a log have is missing in a call's: %s", line)
	}
}

func TestLinesOfCallsAndOthersDoNotMix(t *testing.T) {
	var b bytes.Buffer // takes one write at a time
	log := New("json", &b)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 200 {
				Called(context.Background(), log, Call{Method: "CaseService/GetCase"})
				log.LogAttrs(context.Background(), slog.LevelInfo, "a part is well again", Part("store"))
			}
		})
	}
	all.Wait()
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	for _, line := range lines {
		if !strings.HasPrefix(line, "{") || !strings.HasSuffix(line, "}") || strings.Count(line, `"msg"`) != 1 {
			t.Fatalf("no line: %s", line)
		}
	}
	if len(lines) != 4*200*2 {
		t.Errorf("%d lines", len(lines))
	}
}

func TestTheLineOfACallTakesNoMemoryOfItsOwn(t *testing.T) {
	log, c := New("json", io.Discard), Call{Method: "CaseService/GetCase", Said: []string{"grpc-go/1.85.0"}, Agency: "moi-ct", System: "main"}
	if n := testing.AllocsPerRun(100, func() { Called(context.Background(), log, c) }); n > 0 {
		t.Errorf("%v times", n)
	}
}

func BenchmarkTheLineOfACall(b *testing.B) {
	c := Call{Method: "CaseService/GetCase", Said: []string{"grpc-go/1.85.0"}, Agency: "moi-ct", System: "main", Took: time.Millisecond}
	for name, log := range map[string]*slog.Logger{"direct": New("json", io.Discard), "library": slog.New(closed{Handler: slog.NewJSONHandler(io.Discard, nil)})} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Called(context.Background(), log, c)
			}
		})
	}
}
