package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Refusals are all that is wrong with a database, each with what to do.
type Refusals []string

func (r Refusals) Error() string { return "postgres: " + strings.Join(r, "\n  ") }

// once leaves out what was said before, as of two hosts with one fault.
func (r Refusals) once() Refusals {
	var out Refusals
	for _, text := range r {
		if !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}

// hint is what an operator does about an error in connecting.
type hint struct{ code, text, do string }

// hints by the server's code (SQLSTATE, PostgreSQL's appendix A), or by what the error says.
var hints = []hint{
	{code: "28P01", do: "check the role's password in the URL, PGPASSWORD or PGPASSFILE"},
	{code: "28000", do: "check the role's name, and that pg_hba.conf lets it in from this machine"},
	{code: "3D000", do: "make the database: createdb --template=template0 --encoding=UTF8 <name>"},
	{code: "42501", do: "grant the role CONNECT on the database"},
	{code: "53300", do: "raise max_connections of the server, or lower the pools of its clients"},
	{code: "57P03", do: "wait until the server has started; its log tells what it does"},
	{code: "08P01", do: "connect to the server itself: a pooler in between does not pass on the settings of a session"},
	{code: "42704", do: "connect to PostgreSQL 15 or newer itself: this server does not know a setting of the session"},
	{text: "x509: certificate signed by unknown authority", do: "name the file of the authority that signed the server's certificate in sslrootcert of the URL"},
	{text: "x509: certificate is valid for", do: "name the server in the URL by a name that its certificate holds"},
	{text: "x509: ", do: "give the server a certificate that is in date and holds the name in the URL"},
	{text: "server refused TLS connection", do: "set ssl = on at the server, with a certificate"},
	{text: "no such host", do: "check the host in the URL"},
	{text: "connection refused", do: "check that the server runs and listens on that address"},
	{text: "no such file or directory", do: "check that the server runs, and that its socket lies in that folder (unix_socket_directories)"},
	{text: "permission denied", do: "let this user into the folder of the server's socket"},
	{text: "deadline exceeded", do: "check that the server runs, and that no firewall is in between"},
	{text: "timeout", do: "check that the server runs, and that no firewall is in between"},
}

// unreached is an error in connecting, told in words that hold no password: the
// driver's own holds the whole configuration.
type unreached struct {
	text string
	code string // the server's, where it answered
	err  error  // Refusals, or the end of the context
}

func (e *unreached) Error() string { return e.text }
func (e *unreached) Unwrap() error { return e.err }

// SQLState is the server's code, where it answered.
func (e *unreached) SQLState() string { return e.code }

// Unreached reports whether an error says that a server could not be connected to.
func Unreached(err error) bool {
	var u *unreached
	return errors.As(err, &u)
}

// explain makes an error of connecting one for operators.
func explain(err error, c *pgx.ConnConfig) error {
	if err == nil {
		return nil
	}
	var failed *pgconn.ConnectError
	if !errors.As(err, &failed) {
		return err // of a connection that was there already
	}
	refused, all := refusals(err)
	if all {
		return refused.once()
	}
	out := &unreached{}
	switch {
	case errors.Is(err, context.Canceled):
		out.err = context.Canceled
	case refused != nil:
		out.err = refused.once()
	}
	text := err.Error()
	if c.Password != "" {
		text = strings.ReplaceAll(text, c.Password, "<password>")
	}
	out.text = "postgres: " + text
	var said *pgconn.PgError
	if errors.As(err, &said) {
		out.code = said.Code
	}
	for _, h := range hints {
		if h.code != "" && h.code == out.code || h.text != "" && strings.Contains(text, h.text) {
			out.text += "\n  " + h.do
			break
		}
	}
	return out
}

// refusals are those of all the servers that were tried, and whether there was nothing else.
func refusals(err error) (found Refusals, all bool) {
	var several interface{ Unwrap() []error }
	if !errors.As(err, &several) {
		all = errors.As(err, &found)
		return found, all
	}
	all = true
	for _, e := range several.Unwrap() {
		one, alone := refusals(e)
		found, all = append(found, one...), all && alone
	}
	return found, all
}
