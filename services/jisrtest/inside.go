package jisrtest

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/jisr-exchange/jisr/services/postgres"
)

// Row is a row of the database as it lies there, but with the names of records where
// their shelfmarks stand: of each column a string, an int64 or bytes.
type Row []any

// Text is a column of text.
func (r Row) Text(col int) string { return r[col].(string) }

// Number is a column that counts.
func (r Row) Number(col int) int64 { return r[col].(int64) }

// Bytes is a column of bytes.
func (r Row) Bytes(col int) []byte { return r[col].([]byte) }

// Rows asks the database past all gates, whether the exchange runs or not; a
// placeholder is `?`.
func (x *Exchange) Rows(query string, args ...any) []Row {
	x.t.Helper()
	var rows []Row
	var err error
	if args = x.marked(args); postgres.IsURL(x.owner) {
		rows, err = rowsOfServer(x.inside(), query, args)
	} else {
		rows, err = rowsOfFile(x.owner, query, args)
	}
	x.must(err)
	for _, row := range rows {
		for i, v := range row {
			if text, ok := v.(string); ok {
				row[i] = x.marks.Name(text)
			}
		}
	}
	return rows
}

// marked are parameters with shelfmarks for names.
func (x *Exchange) marked(args []any) []any {
	marked := make([]any, len(args))
	for i, v := range args {
		if text, ok := v.(string); ok {
			v = x.marks.Of(text)
		}
		marked[i] = v
	}
	return marked
}

func rowsOfFile(path, query string, args []any) (rows []Row, err error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadOnly)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	err = sqlitex.Execute(conn, query, &sqlitex.ExecOptions{Args: args, ResultFunc: func(s *sqlite.Stmt) error {
		row := make(Row, s.ColumnCount())
		for i := range row {
			switch s.ColumnType(i) {
			case sqlite.TypeInteger:
				row[i] = s.ColumnInt64(i)
			case sqlite.TypeBlob:
				b := make([]byte, s.ColumnLen(i))
				s.ColumnBytes(i, b)
				row[i] = b
			default:
				row[i] = s.ColumnText(i)
			}
		}
		rows = append(rows, row)
		return nil
	}})
	return rows, err
}

// inside is a connection to the server with all rights, until the test ends.
func (x *Exchange) inside() *pgx.Conn {
	x.t.Helper()
	if x.looking == nil {
		conn, err := pgx.Connect(context.Background(), x.owner)
		x.must(err)
		x.looking = conn
		x.t.Cleanup(func() { x.must(conn.Close(context.Background())) })
	}
	return x.looking
}

func rowsOfServer(conn *pgx.Conn, query string, args []any) ([]Row, error) {
	ctx := context.Background()
	answer, err := conn.Query(ctx, numbered(query), args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(answer, func(r pgx.CollectableRow) (Row, error) {
		values, err := r.Values()
		for i, v := range values {
			switch v := v.(type) {
			case int32:
				values[i] = int64(v)
			case int16:
				values[i] = int64(v)
			}
		}
		return values, err
	})
}

// numbered gives placeholders the numbers that PostgreSQL wants.
func numbered(query string) string {
	for n := 1; strings.Contains(query, "?"); n++ {
		query = strings.Replace(query, "?", "$"+strconv.Itoa(n), 1)
	}
	return query
}

// Inside returns a connection to the database, past all gates, on which to run
// statements as somebody else would.
func (x *Exchange) Inside() func(statement string, args ...any) error {
	x.t.Helper()
	if postgres.IsURL(x.owner) {
		conn := x.inside()
		return func(statement string, args ...any) error {
			_, err := conn.Exec(context.Background(), numbered(statement), x.marked(args)...)
			return err
		}
	}
	conn, err := sqlite.OpenConn(x.owner, sqlite.OpenReadWrite)
	x.must(err)
	x.t.Cleanup(func() { x.must(conn.Close()) })
	conn.SetBusyTimeout(time.Minute)
	return func(statement string, args ...any) error {
		return sqlitex.ExecuteTransient(conn, statement, &sqlitex.ExecOptions{Args: x.marked(args)})
	}
}
