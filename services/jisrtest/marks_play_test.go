package jisrtest_test

import (
	"strings"
	"testing"

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
	p.Stop()

	conn := got(sqlite.OpenConn(p.Database(), sqlite.OpenReadOnly))(t)
	defer func() { must(t, conn.Close()) }()
	var columns [][2]string
	must(t, sqlitex.Execute(conn, "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.type = 'TEXT'",
		&sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
			columns = append(columns, [2]string{s.ColumnText(0), s.ColumnText(1)})
			return nil
		}}))
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
