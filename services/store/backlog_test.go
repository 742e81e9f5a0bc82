package store

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/postgres/throwaway"
)

// A backlog is so many deliveries that wait for one agency.
type backlog struct {
	name  string
	found int    // of those that can be leased; 0: all
	cases string // of which case each is, of n that are before it
	sees  string // whether the agency sees it
}

var backlogs = []backlog{
	{"of as many cases", 0, "'cases/' || n", "1"},
	{"of one case", 1, "'cases/x'", "1"},
	{"of one case of which every second one is closed by a seal", 1, "'cases/x'", "n % 2"},
	{"of one case of which the first half is closed by a seal", 1, "'cases/x'", "CASE WHEN n < most / 2 THEN 0 ELSE 1 END"},
}

// filled are the statements that make a backlog of so many more.
func (b backlog) filled(most int) []string {
	from := fmt.Sprintf("WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n + 1 < %d) ", most)
	sees := strings.ReplaceAll(b.sees, "most", strconv.Itoa(most))
	return []string{
		"DELETE FROM deliveries", "DELETE FROM sight",
		from + "INSERT INTO deliveries(name, agency, case_name, notification, state, lease_until) SELECT 'd' || n, 'molsa', " + b.cases + ", '', 1, 0 FROM c ORDER BY n",
		from + "INSERT INTO sight SELECT 'a:molsa', 'Delivery', n, 'd' || n, 'd' || n, 1, '', '', -1, 0, " + sees + " FROM c",
	}
}

// nested is the question as it was: what is before a delivery in its case is looked
// for among all that waits.
var nested = strings.NewReplacer(notTaken, " AND b.state + 0 IN (1, 2)", "b.case_name = d.case_name", "b.case_name || '' = d.case_name", "b.queued DESC", "b.queued").Replace(waitingQuery)

// What a pull costs is what it hands out, and at the most what waits: not what waits
// times itself.
func TestAPullLooksAtNoMoreThanWhatWaits(t *testing.T) {
	for _, b := range backlogs {
		t.Run(b.name, func(t *testing.T) {
			conn := opened(t)
			must(t, migrate(conn))
			rows := counting(t, conn)
			pull := func(text string, most int) (found int) {
				text = strings.ReplaceAll(text, "s.visible = 1", "looked(s.visible) = 1") // of each delivery once
				must(t, each(conn, text, func(result) error {
					found++
					return nil
				}, "molsa", 1, 2, 0, most, "a:molsa"))
				return found
			}
			for most := 500; most <= 4000; most *= 2 {
				for _, statement := range b.filled(most) {
					must(t, sqlitex.ExecuteTransient(conn.Conn, statement, nil))
				}
				want := b.found
				if want == 0 {
					want = most
				}
				if found, looked := pull(waitingQuery, most), rows(); found != want || looked > 2*most {
					t.Errorf("%d of a backlog of %d are found by a look at %d", found, most, looked)
				}
				if first, looked := pull(waitingQuery, 10), rows(); first != min(10, want) || b.found == 0 && looked > 2*10 {
					t.Errorf("the first %d of a backlog of %d are found by a look at %d", first, most, looked)
				}
				if most > 500 || b.found != 0 {
					continue
				}
				// Control.
				if pull(strings.ReplaceAll(nested, "b.case_name || ''", "looked(b.case_name)"), most); rows() < most*most/4 {
					t.Error("a backlog times itself is not noticed")
				}
			}
		})
	}
}

func TestAPullFollowsTheIndexOfItsCases(t *testing.T) {
	conn := opened(t)
	must(t, migrate(conn))
	steps := func(query string) (b, d int) {
		query = regexp.MustCompile(`\?[1-6]`).ReplaceAllString(query, "1")
		must(t, each(conn, "EXPLAIN QUERY PLAN "+query, func(r result) error {
			switch r.ColumnText(3) {
			case "SEARCH b USING INDEX deliveries_by_case (agency=? AND case_name=? AND queued<?)":
				b++
			case "SEARCH d USING INDEX deliveries_by_agency (agency=? AND state=?)":
				d++
			}
			return nil
		}))
		return b, d
	}
	if b, d := steps(waitingQuery); b != 2 || d != 2 {
		t.Error("what is before a delivery in its case is not found by the case")
	}
	if b, _ := steps(strings.ReplaceAll(waitingQuery, notTaken, "")); b != 0 {
		t.Error("it goes by the case in any words, so that this proves nothing") // control
	}
}

// performed is a step of a plan and what it has come to.
type performed struct {
	Table   string  `json:"Relation Name"`
	Rows    float64 `json:"Actual Rows"`
	Removed float64 `json:"Rows Removed by Filter"`
	Joined  float64 `json:"Rows Removed by Join Filter"`
	Loops   float64 `json:"Actual Loops"`
	Plans   []performed
}

// looked is how many rows were looked at.
func (p performed) looked() (n float64) {
	n = p.Joined * p.Loops
	if p.Table != "" {
		n += (p.Rows + p.Removed) * p.Loops
	}
	for _, below := range p.Plans {
		n += below.looked()
	}
	return n
}

func TestAPullOnAServerLooksAtNoMoreThanWhatWaits(t *testing.T) {
	ctx := t.Context()
	o := postgres.Options{Application: "test", Connections: lanes + 2, Forgetful: true}
	e, _, err := openServer(ctx, throwaway.URL(t), Options{Meter: unmeasured{}, Server: o}, newLawful(), newWakes(func(string) {}))
	must(t, err)
	defer func() { must(t, e.close()) }()
	conn, err := e.(*server).writers.Acquire(ctx)
	must(t, err)
	defer conn.Release()
	looked := func(text string, most int) float64 {
		var told []byte
		must(t, conn.QueryRow(ctx, "EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF, FORMAT JSON) "+strings.ReplaceAll(text, "?", "$"), "molsa", 1, 2, 0, most, "a:molsa").Scan(&told))
		var plans []struct{ Plan performed }
		must(t, json.Unmarshal(told, &plans))
		return plans[0].Plan.looked()
	}
	for _, counted := range []bool{false, true} {
		for _, b := range backlogs {
			for most := 500; most <= 2000; most *= 2 {
				for _, statement := range b.filled(most) {
					_, err := conn.Exec(ctx, statement)
					must(t, err)
				}
				if counted {
					_, err := conn.Exec(ctx, "ANALYZE")
					must(t, err)
				}
				// Each delivery, and each link that says whether it is seen.
				if n := looked(waitingQuery, most); n > float64(4*most) {
					t.Errorf("a backlog of %d %s costs a look at %v rows", most, b.name, n)
				}
				if most == 500 && b.found == 0 {
					if n := looked(nested, most); n < float64(most*most/4) {
						t.Error("a backlog times itself is not noticed") // control
					}
				}
			}
		}
	}
}
