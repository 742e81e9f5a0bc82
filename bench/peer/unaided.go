package peer

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// statements write rows: one for each table, and one for each row that is
// altered. value is what stands in the text for a value of the n-th.
func statements(rows []servedRow, value func(n int, table string, c column) string) []string {
	var all []string
	for i := 0; i < len(rows); {
		r, n := rows[i], len(all)
		if r.altered {
			var set, where []string
			for _, c := range r.columns {
				switch {
				case c.changed:
					set = append(set, c.name+" = "+value(n, r.table, c))
				case c.key:
					where = append(where, c.name+" = "+value(n, r.table, c))
				}
			}
			all = append(all, "UPDATE "+r.table+" SET "+strings.Join(set, ", ")+" WHERE "+strings.Join(where, " AND "))
			i++
			continue
		}
		var names, tuples []string
		for _, c := range r.columns {
			if !c.own {
				names = append(names, c.name)
			}
		}
		for ; i < len(rows) && rows[i].table == r.table && !rows[i].altered; i++ {
			var values []string
			for _, c := range rows[i].columns {
				if !c.own {
					values = append(values, value(n, r.table, c))
				}
			}
			tuples = append(tuples, "("+strings.Join(values, ",")+")")
		}
		all = append(all, "INSERT INTO "+r.table+"("+strings.Join(names, ",")+") VALUES "+strings.Join(tuples, ","))
	}
	return all
}

// number is the number of the entry that the transaction has just written.
const number = "currval('" + logged + "_seq_seq')"

// moment reports whether a column says when something was.
func (c column) moment() bool {
	at, ok := c.value.(int64)
	return ok && at != 0 && strings.HasSuffix(c.name, "time")
}

// A change has fewer ids than most, and a run of pgbench fewer clients.
const most, clients = 64, 1024

// ScriptBegin is what the script's variable n is to begin with, so that a run's ids
// lie behind those of a run before it.
func ScriptBegin() string { return fmt.Sprintf("n=%d", time.Now().UnixMicro()*1000) }

// Script is a script for pgbench that writes the rows of a change, under fresh
// names, in one transaction and by one way to the server and back. It puts in
// place what the changes alter.
func Script(ctx context.Context, dir string, prepare func(*Shelf) (func() error, error)) (string, error) {
	url, rows, err := exchanged(ctx, dir, prepare)
	if err != nil {
		return "", err
	}
	if err := stand(ctx, url, rows); err != nil {
		return "", err
	}
	there, variables := altered(rows), make(map[string]string)
	texts := statements(rows, func(_ int, table string, c column) string {
		switch v := c.value.(type) {
		case []byte:
			if c.key {
				variables["call"] = fmt.Sprintf("random(%d, %d)", first, 9*first-1)
				return fmt.Sprintf(`int8send(:call) || '\x%x'`, v[8:])
			}
		case int64:
			switch {
			case table != logged && c.name == "seq":
				return number
			case table != logged && c.moment():
				return fmt.Sprintf("%d + %s", v, number) // later each time
			}
		}
		return literal(c.value, func(id string) string {
			if there[id] {
				variables["v"+id] = fmt.Sprintf("random(%d, %d)", first, first+standing-1)
			} else if variables["v"+id] == "" {
				variables["v"+id] = fmt.Sprintf("%d + :n + :client_id * %d + %d", first, most, len(variables))
			}
			return ":v" + id
		})
	})
	var b strings.Builder
	fmt.Fprintf(&b, "\\set n :n + %d\n", most*clients)
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		fmt.Fprintf(&b, "\\set %s %s\n", name, variables[name])
	}
	b.WriteString("\\startpipeline\n" + strings.Join(texts, ";\n") + ";\n\\endpipeline\n")
	return b.String(), nil
}

// EntryByPgx writes the rows of an entry in one transaction each, through pgx.
func EntryByPgx(dir string) (*Peer, error) { return byPgx(dir, Entry) }

// ChangeByPgx writes the rows of a notification in one transaction each, through pgx.
func ChangeByPgx(dir string) (*Peer, error) { return byPgx(dir, Notification) }

// byPgx writes the rows that the exchange wrote of a change, time after time and
// in one transaction each: prepared, by as few statements as there are tables,
// by one way to the server and back, and on a connection for each caller.
func byPgx(dir string, prepare func(*Shelf) (func() error, error)) (*Peer, error) {
	ctx := context.Background()
	url, rows, err := exchanged(ctx, dir, prepare)
	if err != nil {
		return nil, err
	}
	if err := stand(ctx, url, rows); err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = 64
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	there, values := altered(rows), make(map[int][]column)
	texts := statements(rows, func(n int, table string, c column) string {
		if table != logged && c.name == "seq" {
			return number
		}
		values[n] = append(values[n], c)
		return fmt.Sprintf("$%d", len(values[n]))
	})
	return &Peer{
		spare: reserve(),
		Stop: func() error {
			pool.Close()
			return nil
		},
		Work: func(int) error {
			fresh, now := make(map[string]string), time.Now().UnixMicro()
			batch := &pgx.Batch{}
			for n, text := range texts {
				batch.Queue(text, afresh(values[n], there, fresh, now)...)
			}
			return pool.SendBatch(ctx, batch).Close() // one transaction
		},
	}, nil
}

// afresh are values under fresh names, the same for the same; of what is there
// already, under the name of one of those that are.
func afresh(columns []column, there map[string]bool, fresh map[string]string, now int64) []any {
	args := make([]any, len(columns))
	for i, c := range columns {
		switch v := c.value.(type) {
		case string:
			args[i] = ids.ReplaceAllStringFunc(v, func(id string) string {
				if fresh[id] == "" {
					n := mathrand.Int64N(standing) //nolint:gosec // which one does not matter
					if !there[id] {
						n = rising()
					}
					fresh[id] = fmt.Sprintf("%s%d", short, first+n)
				}
				return fresh[id]
			})
		case []byte:
			args[i] = v
			if c.key {
				key := make([]byte, len(v))
				rand.Read(key)
				args[i] = key
			}
		default:
			args[i] = v
			if c.moment() {
				args[i] = now
			}
		}
	}
	return args
}
