package crash_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/audit"
	"github.com/jisr-exchange/jisr/services/record"
)

// ledger is what the exchange's files hold.
type ledger struct {
	entries    map[string]*jisrv1.LogLeaf
	officers   map[string][]string // entries by officer
	listed     map[string]bool     // by listing, where the record's list has the entry
	records    map[string]stored
	deliveries map[string]int
	broken     []string
}

type stored struct {
	kind     string
	revision int64
	hash     []byte
}

// openLedger reads the database file and its journal, without the program that
// wrote them.
func (x *exchange) openLedger(path string) (*ledger, error) {
	waiting, err := journal(path)
	if err != nil {
		return nil, err
	}
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadOnly)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	l := &ledger{
		entries: make(map[string]*jisrv1.LogLeaf), officers: make(map[string][]string), listed: make(map[string]bool),
		records: make(map[string]stored), deliveries: make(map[string]int),
	}
	marks := x.marks()
	numbered := make(map[[2]int64]string) // entries, by number and time
	column := func(s *sqlite.Stmt, i int) []byte {
		b := make([]byte, s.ColumnLen(i))
		s.ColumnBytes(i, b)
		return b
	}
	for _, q := range []struct {
		text string
		row  func(*sqlite.Stmt) error
	}{
		{"PRAGMA integrity_check", func(s *sqlite.Stmt) error {
			if text := s.ColumnText(0); text != "ok" {
				l.broken = append(l.broken, "the file: "+text)
			}
			return nil
		}},
		{"SELECT name, leaf, salt, commitment FROM log_entries", func(s *sqlite.Stmt) error {
			leaf := &jisrv1.LogLeaf{}
			if err := proto.Unmarshal(column(s, 1), leaf); err != nil {
				return err
			}
			l.add(s.ColumnText(0), column(s, 2), column(s, 1), column(s, 3), leaf)
			return nil
		}},
		{"SELECT s.record, e.name FROM log_subjects s JOIN log_entries e ON e.seq = s.seq AND e.time = s.time", func(s *sqlite.Stmt) error {
			l.listed[listed(uint64(s.ColumnInt64(0)), s.ColumnText(1))] = true
			return nil
		}},
		{"SELECT seq, time, name FROM log_entries", func(s *sqlite.Stmt) error {
			numbered[[2]int64{s.ColumnInt64(0), s.ColumnInt64(1)}] = s.ColumnText(2)
			return nil
		}},
		{"SELECT box, finds FROM log_finds", func(s *sqlite.Stmt) error {
			return findsIn(uint64(s.ColumnInt64(0)), column(s, 1), func(key uint64, seq, time int64) {
				if name, there := numbered[[2]int64{seq, time}]; there {
					l.listed[listed(key, name)] = true
				}
			})
		}},
		{"SELECT name, type, revision, header, envelope FROM records", func(s *sqlite.Stmt) error {
			name := marks.Name(s.ColumnText(0))
			hash := sha256.Sum256(slices.Concat([]byte(name), column(s, 3), column(s, 4)))
			l.records[name] = stored{kind: s.ColumnText(1), revision: s.ColumnInt64(2), hash: hash[:]}
			return nil
		}},
		{"SELECT notification FROM deliveries", func(s *sqlite.Stmt) error {
			l.deliveries[marks.Name(s.ColumnText(0))]++
			return nil
		}},
	} {
		if err := sqlitex.Execute(conn, q.text, &sqlitex.ExecOptions{ResultFunc: q.row}); err != nil {
			return nil, fmt.Errorf("%s: %w", q.text, err)
		}
	}
	return l, l.enter(waiting)
}

// listing is what finds an entry from a record.
func listing(recordName, entry string) string {
	sum := sha256.Sum256([]byte(recordName))
	return listed(binary.BigEndian.Uint64(sum[:]), entry)
}

// listed tells apart what the log does: by the first 60 bits of a record's key.
func listed(key uint64, entry string) string { return fmt.Sprint(key>>4, " ", entry) }

func (l *ledger) add(name string, salt, encoded, commitment []byte, leaf *jisrv1.LogLeaf) {
	if !bytes.Equal(audit.Commit(salt, encoded), commitment) {
		l.broken = append(l.broken, name+": the commitment is another entry's")
	}
	l.entries[name] = leaf
	l.officers[leaf.GetOfficer()] = append(l.officers[leaf.GetOfficer()], name)
}

// hold holds the ledger against calls and returns what was promised and is not
// so: for an answered call its entry and effect, for every change one effect.
func (l *ledger) hold(calls []*call) []string {
	violations := slices.Clone(l.broken)
	for _, c := range calls {
		for _, v := range l.holdCall(c) {
			violations = append(violations, fmt.Sprintf("%s %s (sent %d times): %s", c.ID, c.RPC, c.Tries, v))
		}
	}
	return violations
}

func (l *ledger) holdCall(c *call) (violations []string) {
	var changed int
	for _, name := range l.officers[c.ID] {
		if l.entries[name].GetKind() == jisrv1.LogEntry_KIND_CHANGED {
			changed++
		}
	}
	if changed > 1 || c.refused() && !c.answered() && changed > 0 {
		violations = append(violations, fmt.Sprintf("%d effects", changed))
	}
	if !c.answered() {
		return violations
	}
	e, ok := l.entries[c.Receipt]
	if !ok {
		return append(violations, "its entry is not in the log")
	}
	kind := jisrv1.LogEntry_KIND_CHANGED
	if c.reads() {
		kind = jisrv1.LogEntry_KIND_DISCLOSED
	}
	if e.GetKind() != kind || e.GetRpc() != c.RPC || e.GetOfficer() != c.ID {
		violations = append(violations, fmt.Sprintf("its entry is another call's: %v %s %s", e.GetKind(), e.GetRpc(), e.GetOfficer()))
	}
	at := slices.IndexFunc(e.GetSubjects(), func(s *jisrv1.LogSubject) bool { return s.GetRecord() == c.Record })
	if at < 0 || !l.listed[listing(c.Record, c.Receipt)] {
		return append(violations, "its entry does not name the record")
	}
	if c.reads() {
		if unsaid := c.classes() &^ record.Classes(e.GetSubjects()[at].GetDataClasses()...); unsaid != 0 {
			violations = append(violations, fmt.Sprintf("it was shown classes that its entry does not name: %v", unsaid.List()))
		}
	}
	if _, ok := l.records[c.Record]; !ok {
		violations = append(violations, "its record is not there")
	}
	return violations
}

// holdWhole holds the ledger against a whole book, in which no outcome is
// open: nothing is there that no call made, and nothing was made twice.
func (l *ledger) holdWhole(b *book) []string {
	calls := b.since(0)
	violations := l.hold(calls)
	made, updates := make(map[string]int), make(map[string]int64)
	for _, c := range calls {
		if c.reads() || !c.answered() {
			continue
		}
		n, _ := record.ParseName(c.Record)
		if c.RPC == "CaseService/UpdateVictim" {
			updates[c.Record]++
		} else {
			made[n.Type.Name]++
		}
		if receivers := len(l.receiversOf(c)); l.deliveries[c.Record] != receivers {
			violations = append(violations, fmt.Sprintf("%s: %d deliveries to %d receivers", c.ID, l.deliveries[c.Record], receivers))
		}
	}
	there, covered := make(map[string]int), make(map[string]bool)
	for _, e := range l.entries {
		for _, s := range e.GetSubjects() {
			covered[s.GetRecord()+string(s.GetRecordHash())] = true
		}
	}
	for name, r := range l.records {
		there[r.kind]++
		// A delivery is the exchange's own, made and covered with its notification.
		if r.kind != "Delivery" && !covered[name+string(r.hash)] {
			violations = append(violations, name+": no entry covers its state")
		}
		if r.kind == "Victim" && r.revision != 1+updates[name] {
			violations = append(violations, fmt.Sprintf("%s: %d updates made revision %d", name, updates[name], r.revision))
		}
	}
	for _, kind := range []string{"Case", "Victim", "Consent", "Notification"} {
		if there[kind] != made[kind] {
			violations = append(violations, fmt.Sprintf("%d calls made %d records of %s", made[kind], there[kind], kind))
		}
	}
	return violations
}

func (l *ledger) receiversOf(c *call) []string {
	if r, ok := c.Request.(*jisrv1.SendNotificationRequest); ok {
		return r.GetNotification().GetReceivers()
	}
	return nil
}

// audited fails the test on what holdWhole finds in the exchange's file.
func (x *exchange) audited(b *book) {
	x.t.Helper()
	if open := b.open(); len(open) > 0 {
		x.t.Fatalf("%d outcomes are open; the audit would be blind to them", len(open))
	}
	l, err := x.openLedger(x.database())
	x.must(err)
	x.report(l.holdWhole(b))
}

// report fails the test on violations, and tells the first of them.
func (x *exchange) report(violations []string) {
	x.t.Helper()
	slices.Sort(violations)
	for _, v := range violations[:min(len(violations), 10)] {
		x.t.Error(v)
	}
	if len(violations) > 10 {
		x.t.Errorf("and %d more", len(violations)-10)
	}
}
