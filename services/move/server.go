package move

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/jisr-exchange/jisr/services/postgres"
)

// server is a database of PostgreSQL, on one connection.
type server struct {
	schema Schema
	pool   *pgxpool.Pool
	conn   *pgxpool.Conn
	place  string
}

func openServer(ctx context.Context, schema Schema, url string, o postgres.Options) (*server, error) {
	o.Application, o.Connections = "jisr migrate", 2 // the second makes the schema
	pool, err := postgres.Open(ctx, url, o)
	if err != nil {
		return nil, err
	}
	conn, err := pool.Acquire(ctx)
	if err != nil {
		pool.Close()
		return nil, err
	}
	s := &server{schema: schema, pool: pool, conn: conn, place: Place(url)}
	// While one end is busy the other waits in its transaction, for as long as that
	// takes. A machine that is gone is noticed within a minute all the same.
	for name, value := range map[string]string{
		"idle_in_transaction_session_timeout": "0", "lock_timeout": fmt.Sprint(patience.Milliseconds()),
		"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3",
	} {
		if err := s.exec(ctx, "SELECT set_config($1, $2, false)", name, value); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Close undoes what was not committed: the connection ends with it.
func (s *server) Close() error {
	if s.conn.Conn().PgConn().TxStatus() != 'I' {
		_ = s.conn.Conn().Close(context.Background()) // the server ends what it held either way
	}
	s.conn.Release()
	s.pool.Close()
	return nil
}

func (s *server) sound(ctx context.Context) error {
	return postgres.Current(ctx, s.pool, s.schema.Steps)
}

func (s *server) there(ctx context.Context) (bool, error) {
	tables, err := s.every(ctx)
	return len(tables) > 0, err
}

func (s *server) make(ctx context.Context) error {
	return postgres.Migrate(ctx, s.pool, s.schema.Steps)
}

// begin begins a transaction beside which others can read and nothing else.
func (s *server) begin(ctx context.Context) error {
	tables, err := s.every(ctx)
	if err != nil {
		return err
	}
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.name
	}
	for try := 0; ; try++ {
		err := s.exec(ctx, "BEGIN")
		if err == nil {
			err = s.exec(ctx, "LOCK TABLE "+joined(names)+" IN EXCLUSIVE MODE")
		}
		var said interface{ SQLState() string }
		if err == nil || !errors.As(err, &said) {
			return err
		}
		if err := s.exec(ctx, "ROLLBACK"); err != nil {
			return err
		}
		switch said.SQLState() {
		case "40P01": // a node and this one waited for each other
			if try < 5 {
				continue
			}
		case "42501":
			return &Refusal{"the role in the URL may not hold the " + s.schema.Component + " at " + s.place, "name the role that owns it: --help says where"}
		}
		return &Refusal{"the " + s.schema.Component + " at " + s.place + " is held by somebody else (SQLSTATE " + said.SQLState() + ")",
			"stop the nodes that serve it, or wait for the other jisr migrate"}
	}
}

func (s *server) commit(ctx context.Context) error {
	// Free of an interrupt: a commit that is cut off leaves nobody knowing.
	tag, err := s.conn.Exec(context.WithoutCancel(ctx), "COMMIT")
	switch {
	case err != nil:
		return fmt.Errorf("move: commit: %w", coded(err))
	case tag.String() != "COMMIT":
		return errors.New("move: the server has kept nothing of it")
	case postgres.Unreplicated(s.conn.Conn().PgConn()):
		return &Refusal{"what was written to the " + s.schema.Component + " at " + s.place + " may be on no standby", "run jisr migrate again, which finds out"}
	}
	return nil
}

func (s *server) exec(ctx context.Context, query string, args ...any) error {
	_, err := s.conn.Exec(ctx, query, args...)
	return err
}

// every leaves out the book of the steps, and what extensions brought.
func (s *server) every(ctx context.Context) ([]table, error) {
	rows, err := s.query(ctx, []class{text, text, text, number}, `SELECT c.relname::text, a.attname::text, format_type(a.atttypid, NULL), COALESCE(k.place, 0)
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
		LEFT JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, place) ON k.attnum = a.attnum
		WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'migrations'
			AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
		ORDER BY c.relname::text COLLATE "C", a.attnum`)
	if err != nil {
		return nil, err
	}
	return listed(rows)
}

func (s *server) query(ctx context.Context, want []class, query string, args ...any) (cursor, error) {
	rows, err := s.conn.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return &serverRows{rows, want}, nil
}

type serverRows struct {
	rows pgx.Rows
	want []class
}

// next reads values in PostgreSQL's binary form.
func (r *serverRows) next() (row, error) {
	if !r.rows.Next() {
		return nil, r.rows.Err()
	}
	raw, out := r.rows.RawValues(), make(row, len(r.want))
	for i, want := range r.want {
		v := raw[i]
		switch {
		case v == nil:
			return nil, &inRow{"a row has no " + r.rows.FieldDescriptions()[i].Name}
		case want == text:
			out[i] = string(v)
		case want == octets:
			out[i] = append([]byte{}, v...)
		case len(v) == 1:
			out[i] = int64(v[0])
		case len(v) == 4:
			out[i] = int64(int32(binary.BigEndian.Uint32(v)))
		case len(v) == 8:
			out[i] = int64(binary.BigEndian.Uint64(v))
		default:
			return nil, &inRow{"column " + r.rows.FieldDescriptions()[i].Name + " of a row holds what is no number"}
		}
	}
	return out, nil
}

func (r *serverRows) close() error {
	r.rows.Close()
	return r.rows.Err()
}

func (s *server) load(ctx context.Context, t table, from func() (row, error)) error {
	_, err := s.conn.Conn().CopyFrom(ctx, pgx.Identifier{t.name}, t.names(), &copying{from: from, t: t})
	return err
}

// copying gives rows to COPY, as its own types want them.
type copying struct {
	from func() (row, error)
	t    table
	row  row
	err  error
}

func (c *copying) Next() bool {
	c.row, c.err = c.from()
	return c.err == nil && c.row != nil
}

func (c *copying) Values() ([]any, error) {
	for i, column := range c.t.columns {
		switch v := c.row[i].(type) {
		case int64:
			if column.native == "boolean" {
				c.row[i] = v != 0
			}
		case []byte:
			if column.native != "uuid" {
				continue
			}
			if len(v) != 16 {
				return nil, &inRow{"column " + column.name + " of a row is not of 16 bytes"}
			}
			c.row[i] = [16]byte(v)
		}
	}
	return c.row, nil
}

func (c *copying) Err() error { return c.err }

func (s *server) barring(t table) []string {
	return []string{
		`CREATE OR REPLACE FUNCTION moved_away() RETURNS trigger LANGUAGE plpgsql AS $$
			BEGIN RAISE EXCEPTION 'the exchange was moved' USING ERRCODE = 'object_not_in_prerequisite_state'; END $$`,
		"CREATE TRIGGER moved_away BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON " + t.name + " FOR EACH STATEMENT EXECUTE FUNCTION moved_away()",
	}
}

func (s *server) freeing(t table) []string {
	return []string{"DROP TRIGGER moved_away ON " + t.name}
}

// settling lets numbers go on after the largest, and the planner know the table.
func (s *server) settling(t table) []string {
	out := []string{"ANALYZE " + t.name}
	if native := t.columns[t.key[0]].native; len(t.key) == 1 && (native == "bigint" || native == "integer") {
		out = append(out, fmt.Sprintf(`SELECT setval(numbers::regclass, largest) FROM (
			SELECT pg_get_serial_sequence('%[1]s', '%[2]s') AS numbers, (SELECT MAX(%[2]s) FROM %[1]s) AS largest) AS after
			WHERE numbers IS NOT NULL AND largest IS NOT NULL`, t.name, t.columns[t.key[0]].name))
	}
	return out
}

func joined(names []string) string { return strings.Join(names, ", ") }
