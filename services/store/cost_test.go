package store

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"

	"github.com/jisr-exchange/jisr/services/record"
)

// counting lets a query count the rows that it looks at, where it names looked.
func counting(t *testing.T, conn *sqliteConn) (rows func() int) {
	t.Helper()
	n := 0
	must(t, conn.CreateFunction("looked", &sqlite.FunctionImpl{NArgs: 1, Scalar: func(_ sqlite.Context, args []sqlite.Value) (sqlite.Value, error) {
		n++
		return args[0], nil
	}}))
	return func() int {
		defer func() { n = 0 }()
		return n
	}
}

// What a list below one case costs is what its holder knows of there: not what it
// knows of elsewhere, nor what is there and hidden from it.
func TestAListBelowACaseLooksAtWhatItsHolderKnowsOfThereAndAtNothingElse(t *testing.T) {
	conn := opened(t)
	must(t, migrate(conn))
	about, err := record.NewName(record.ByName("Case"), "", rand.Reader)
	must(t, err)
	if len(about) != caseBytes {
		t.Fatalf("the name of a case has %d bytes", len(about))
	}
	put := func(holder, name string, visible int) {
		must(t, exec(conn, "INSERT INTO sight VALUES(?, 'Victim', ?, ?, ?, 1, '', '', -1, 0, ?)", holder, len(name), name, name, visible))
	}
	names := func(text string) (found int) {
		must(t, each(conn, text, func(result) error {
			found++
			return nil
		}, "t:1:IQG08", "Victim", 0, "", "", 1, -1, about, about, about, 100))
		return found
	}
	text := namesText(Query{Parent: about}, 1)
	counted := strings.Replace(text, ">> s.link", ">> looked(s.link)", 1)
	rows := counting(t, conn)
	for i := range 3 {
		put("t:1:IQG08", fmt.Sprintf("%s/victims/%d", about, i), 1)
	}
	for grown := range 3 {
		for i := range 100 {
			put("t:1:IQG08", fmt.Sprintf("cases/%026d/victims/%d", grown, i), 1)  // elsewhere
			put("t:1:IQG08", fmt.Sprintf("%s/victims/%d-%d", about, grown, i), 0) // under seal
			put("a:molsa", fmt.Sprintf("%s/victims/%d-%d", about, grown, i), 1)   // of somebody else
		}
		if found, looked := names(counted), rows(); found != 3 || looked != 3 {
			t.Errorf("%d names are found by a look at %d rows", found, looked)
		}
		// Control: by all that the holder knows of.
		if names(strings.Replace(counted, ofCases, "", 1)); rows() < 100*(grown+1) {
			t.Error("all that a holder knows of was not looked at, so that nothing is proven")
		}
	}
}
