package jisrtest_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/jisrtest"
	"github.com/jisr-exchange/jisr/services/record"
)

// In a column that holds a record's name nothing would be found by its mark.
func TestNoColumnOfTheFileHoldsTheNameOfARecord(t *testing.T) {
	p := jisrtest.Opened(t, jisrtest.Start(t, jisrtest.InFiles()))
	jisrtest.Fill(p)
	p.Notify(jisrtest.Shelter)
	p.Consent(jisrtest.Police, jisrv1.Role_ROLE_NGO, jisrv1.Purpose_PURPOSE_ASSISTANCE, jisrv1.DataClass_DATA_CLASS_VICTIM_PROFILE)
	p.Refer(jisrv1.Referral_KIND_INTERPRETER, jisrtest.NGO)
	p.Order(jisrv1.Order_KIND_SEAL, p.Second, func(o *jisrv1.Order) {
		o.SetAddressees([]string{p.As(jisrtest.Police).Agency})
		o.SetSeal(jisrv1.SealReason_builder{Text: "the accused has friends in the office"}.Build())
	})
	got(policeOf(p).ShareCase(ctx, jisrv1.ShareCaseRequest_builder{Parent: p.Case, Share: jisrv1.Share_builder{Agency: "agencies/kri-dcoc"}.Build()}.Build()))(t)
	// Of what is listed and read by way of a share, the entries name the share.
	shared := p.As(jisrtest.Erbil)
	got(shared.ListCases(ctx, &jisrv1.ListCasesRequest{}))(t)
	got(getCase(shared, p.Case))(t)
	p.Stop()

	conn := got(sqlite.OpenConn(p.Database(), sqlite.OpenReadOnly))(t)
	defer func() { must(t, conn.Close()) }()
	var columns [][2]string
	must(t, sqlitex.Execute(conn, "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.type = 'TEXT'",
		&sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
			columns = append(columns, [2]string{s.ColumnText(0), s.ColumnText(1)})
			return nil
		}}))
	via := make(map[string]int)
	for _, table := range []string{"records.header", "records.envelope", "log_entries.leaf", "idempotency.reply", "agreements.text"} {
		name, column, _ := strings.Cut(table, ".")
		must(t, sqlitex.Execute(conn, "SELECT "+column+" FROM "+name, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
			b := make([]byte, s.ColumnLen(0))
			s.ColumnBytes(0, b)
			if jisrtest.HoldsMark(b) {
				t.Errorf("%s holds a mark, and is told", table)
			}
			if leaf := (&jisrv1.LogLeaf{}); name == "log_entries" {
				must(t, proto.Unmarshal(b, leaf))
				for _, subject := range leaf.GetSubjects() {
					via[leaf.GetRpc()] += len(subject.GetVia())
				}
			}
			return nil
		}}))
	}
	// Control: links are named of what was listed, and of what was read alone.
	for _, rpc := range []string{"CaseService/ListCases", "CaseService/GetCase"} {
		if via[rpc] == 0 {
			t.Errorf("no entry of %s names what made a link: the search proves nothing of it", rpc)
		}
	}
	marked := make(map[string]bool)
	for _, c := range columns {
		must(t, sqlitex.Execute(conn, "SELECT "+c[1]+" FROM "+c[0], &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
			text := s.ColumnText(0)
			if name, ok := record.ParseName(text); ok && name.Type.Name != "LogEntry" {
				t.Errorf("%s.%s holds the name %s", c[0], c[1], text)
			}
			if name := p.Keyring().Shelfmarks().Name(text); name != text {
				marked[c[0]] = true
				if !strings.Contains(name, "/") {
					t.Errorf("%s.%s holds %s, which leads to no name", c[0], c[1], text)
				}
			}
			return nil
		}}))
	}
	// Control: every table about records has some.
	for _, table := range []string{"records", "sight", "epochs", "consents", "orders", "seals", "deliveries"} {
		if !marked[table] {
			t.Errorf("%s holds no mark: the search proves nothing of it", table)
		}
	}
}

// Whoever came to know under what a record lies would be told by no exchange that it is there.
func TestAMarkIsANameToNobody(t *testing.T) {
	p := baghdad(t)
	marks, noID := p.Keyring().Shelfmarks(), strings.Repeat("W", 26)
	for _, who := range []string{jisrtest.Police, jisrtest.Monitor, jisrtest.Foreign} {
		c := p.As(who)
		asks := map[string]func(in, victim string) error{
			"GetCase":   func(in, _ string) error { _, err := getCase(c, in); return err },
			"GetVictim": func(_, victim string) error { _, err := getVictim(c, victim); return err },
			"ListVictims": func(in, _ string) error {
				_, err := c.ListVictims(ctx, jisrv1.ListVictimsRequest_builder{Parent: in}.Build())
				return err
			},
			"ListConsents": func(_, victim string) error {
				_, err := c.ListConsents(ctx, jisrv1.ListConsentsRequest_builder{Parent: victim}.Build())
				return err
			},
			"ListLogEntries": func(_, victim string) error {
				_, err := c.ListLogEntries(ctx, jisrv1.ListLogEntriesRequest_builder{Record: victim}.Build())
				return err
			},
			"ExplainAccess": func(in, _ string) error {
				_, err := c.ExplainAccess(ctx, jisrv1.ExplainAccessRequest_builder{Name: in}.Build())
				return err
			},
		}
		for rpc, ask := range asks {
			there := ask(marks.Of(p.Case), marks.Of(p.First))
			never := ask("cases/"+noID, p.Case+"/victims/"+noID)
			if there == nil || status.Code(there) != status.Code(never) || jisrtest.Reason(there) != jisrtest.Reason(never) {
				t.Errorf("%s: %s by a mark is answered %v, and by what is no name %v", who, rpc, there, never)
			}
		}
	}
}
