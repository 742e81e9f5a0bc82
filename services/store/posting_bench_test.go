package store

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/audit"
)

// BenchmarkPosting posts what a half holds when it is due: entries of one record each, as
// reads leave them, or of a page of them, about few records or many.
func BenchmarkPosting(b *testing.B) {
	for _, about := range []int{1, pageMax} {
		for _, records := range []int{100, 10_000, 1_000_000} {
			b.Run(fmt.Sprintf("%d of %d", about, records), func(b *testing.B) { posting(b, about, records) })
		}
	}
}

func posting(b *testing.B, about, records int) {
	conn, err := openConn(filepath.Join(b.TempDir(), "jisr.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	if err := migrate(conn); err != nil {
		b.Fatal(err)
	}
	posted, generation := 0, int64(0)
	for b.Loop() {
		b.StopTimer()
		generation++
		half := append(header(generation), make([]byte, frameHead)...)
		for len(half) < postBytes {
			half = appendEntry(half, readOnce(b, posted, posted*7919*about%records, about))
			posted++
		}
		seal(half[headerBytes:], generation)
		b.StartTimer()
		k, _, err := keptIn(half, generation)
		if err != nil {
			b.Fatal(err)
		}
		if err := recovered(conn, k, generation); err != nil {
			b.Fatal(err)
		}
		if err := each(conn, "PRAGMA wal_checkpoint(PASSIVE)", func(result) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(posted), "ns/entry")
}

// readOnce is the nth entry, of victims that were read.
func readOnce(tb testing.TB, nth, victim, victims int) *entry {
	tb.Helper()
	leaf := jisrv1.LogLeaf_builder{
		Kind: jisrv1.LogEntry_KIND_DISCLOSED, TimeMicros: int64(nth) + 1<<50, Agency: "moi-ct", System: "main", Officer: "ct-0214",
		Role: jisrv1.Role_ROLE_PROSECUTOR, Purpose: jisrv1.Purpose_PURPOSE_INVESTIGATION, Rpc: "CaseService/GetVictim", Agreement: strings.Repeat("a", 64),
	}.Build()
	for i := range victims {
		leaf.SetSubjects(append(leaf.GetSubjects(), jisrv1.LogSubject_builder{
			Record: fmt.Sprintf("cases/%026d/victims/%026d", 1, victim+i), DataClasses: []jisrv1.DataClass{1, 2, 3, 4, 5, 6}, Via: []string{fmt.Sprintf("cases/%026d", 1)},
		}.Build()))
	}
	encoded, err := audit.Encode(leaf)
	if err != nil {
		tb.Fatal(err)
	}
	return &entry{name: fmt.Sprintf("logEntries/%026d", nth), salt: make([]byte, audit.SaltBytes), commitment: make([]byte, 32), leaf: encoded}
}
