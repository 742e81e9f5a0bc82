package move

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"
)

// class is what a column holds, whatever a database calls it.
type class string

const (
	text   class = "text"
	number class = "number"
	octets class = "bytes"
)

// classes are the types of columns that both kinds of database have, each by its
// own name. What is none of these is not copied but refused.
var classes = map[string]class{
	"TEXT": text, "INTEGER": number, "BIGINT": number, "BLOB": octets,
	"text": text, "integer": number, "bigint": number, "bytea": octets,
	"boolean": number, "uuid": octets,
}

// table is a table as its database tells it.
type table struct {
	name    string
	columns []column
	key     []int // columns, in the order of the primary key
}

type column struct {
	name   string
	class  class
	native string // the database's own type
}

// add adds a column to the tables as a database lists them, one by one.
func add(tables []table, name, columnName, native string, place int) ([]table, error) {
	if n := len(tables); n == 0 || tables[n-1].name != name {
		tables = append(tables, table{name: name})
	}
	t := &tables[len(tables)-1]
	c, known := classes[native]
	if !known {
		return nil, fmt.Errorf("move: %s.%s is of a type that the copy does not know", name, columnName)
	}
	t.columns = append(t.columns, column{columnName, c, native})
	if place > 0 {
		for len(t.key) < place {
			t.key = append(t.key, -1)
		}
		t.key[place-1] = len(t.columns) - 1
	}
	return tables, nil
}

// whole refuses tables whose rows nothing tells apart.
func whole(tables []table) ([]table, error) {
	for _, t := range tables {
		if len(t.key) == 0 || slices.Contains(t.key, -1) {
			return nil, fmt.Errorf("move: the table %s has no primary key", t.name)
		}
	}
	return tables, nil
}

// same reports whether two databases tell a table alike.
func (t table) same(other table) bool {
	return t.name == other.name && slices.Equal(t.key, other.key) &&
		slices.EqualFunc(t.columns, other.columns, func(a, b column) bool { return a.name == b.name && a.class == b.class })
}

func (t table) names() []string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	return names
}

func (t table) classes() []class {
	all := make([]class, len(t.columns))
	for i, c := range t.columns {
		all[i] = c.class
	}
	return all
}

// inOrder is the query for all rows in the order of their keys, which is that of
// their bytes in every database.
func (t table) inOrder() string {
	keys := make([]string, len(t.key))
	for i, k := range t.key {
		keys[i] = t.columns[k].name
	}
	return "SELECT " + strings.Join(t.names(), ", ") + " FROM " + t.name + " ORDER BY " + strings.Join(keys, ", ")
}

// row are the values of a row: string, int64 or []byte by their classes.
type row []any

// compare orders two rows of a table by their keys.
func (t table) compare(a, b row) int {
	for _, k := range t.key {
		if c := order(a[k], b[k]); c != 0 {
			return c
		}
	}
	return 0
}

func order(a, b any) int {
	switch a := a.(type) {
	case int64:
		return cmp.Compare(a, b.(int64))
	case string:
		return strings.Compare(a, b.(string))
	}
	return bytes.Compare(a.([]byte), b.([]byte))
}

// keyOf writes the key of a row: ids, names and numbers, and no value beside them.
func (t table) keyOf(r row) string {
	parts := make([]string, len(t.key))
	for i, k := range t.key {
		switch v := r[k].(type) {
		case int64:
			parts[i] = strconv.FormatInt(v, 10)
		case string:
			parts[i] = v
		case []byte:
			parts[i] = hex.EncodeToString(v)
		}
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// write writes a row so that no two rows are written alike.
func (r row) write(to hash.Hash) {
	var head [9]byte
	for _, v := range r {
		switch v := v.(type) {
		case int64:
			head[0] = 'n'
			binary.BigEndian.PutUint64(head[1:], uint64(v))
			to.Write(head[:])
		case string:
			head[0] = 't'
			binary.BigEndian.PutUint64(head[1:], uint64(len(v)))
			to.Write(head[:])
			to.Write([]byte(v))
		case []byte:
			head[0] = 'b'
			binary.BigEndian.PutUint64(head[1:], uint64(len(v)))
			to.Write(head[:])
			to.Write(v)
		}
	}
}
