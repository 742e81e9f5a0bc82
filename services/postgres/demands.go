package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// demand is something that must be so at a server before anything is trusted to it.
type demand struct {
	// is says in SQL what is the case; it must be want.
	is, want string
	// because and do are told when it is not; %s in because is what is the case.
	because, do string
	// only says when it is demanded; always where nil.
	only func(Options) bool
}

func durably(o Options) bool { return !o.Forgetful }
func beyond(o Options) bool  { return o.SurvivesNode }

func setting(name string) string { return "current_setting('" + name + "')" }

// demands are asked all at once, so that all that is wrong is told at once.
var demands = []demand{
	{is: "(" + setting("server_version_num") + "::int >= 150000)::text", want: "true",
		because: "the server is older than PostgreSQL 15",
		do:      "move the database to PostgreSQL 15 or newer"},
	{is: "pg_is_in_recovery()::text", want: "false",
		because: "the server is a standby, which takes no writes and answers from the past",
		do:      "name the primary, or all servers of the cluster (postgres://user@one,two,three/database): the primary among them is found"},
	{is: setting("default_transaction_read_only"), want: "off",
		because: "the server, the database or the role is set to read only",
		do:      "set default_transaction_read_only = off"},
	{is: setting("server_encoding"), want: "UTF8",
		because: "the database's encoding is %s, in which Arabic and Kurdish names do not fit as they are",
		do:      "make the database anew: createdb --template=template0 --encoding=UTF8 <name>"},
	{is: setting("client_encoding"), want: "UTF8",
		because: "the connection's encoding is %s although UTF8 was asked for",
		do:      "connect to the server itself, without a pooler in between"},
	{is: setting("standard_conforming_strings"), want: "on",
		because: "standard_conforming_strings is %s although on was asked for",
		do:      "connect to the server itself, without a pooler in between"},
	{is: setting("search_path"), want: "public, pg_temp",
		because: "the schemas looked into are %s although others were asked for",
		do:      "connect to the server itself, without a pooler in between"},
	{is: setting("synchronous_commit"), want: "on",
		because: "synchronous_commit is %s although on was asked for: what was acknowledged could be lost",
		do:      "connect to the server itself, without a pooler in between"},
	{is: setting("fsync"), want: "on", only: durably,
		because: "fsync is %s: what was acknowledged is lost, and the database with it, when the machine loses power",
		do:      "set fsync = on; if the server has run without, make the database anew or restore it"},
	{is: setting("full_page_writes"), want: "on", only: durably,
		because: "full_page_writes is %s: a page that is half written when the machine loses power is not mended",
		do:      "set full_page_writes = on"},
	{is: setting("log_parameter_max_length_on_error"), want: "0",
		because: "the server's log would be told the values of statements that fail",
		do:      "set log_parameter_max_length_on_error = 0"},
	// Most roles may not set it, and it is -1 by default: all of every value. Who may has it set.
	{is: "CASE WHEN has_parameter_privilege('log_parameter_max_length', 'SET') THEN set_config('log_parameter_max_length', '0', false) ELSE " +
		setting("log_parameter_max_length") + " END", want: "0",
		because: "the server's log would be told the values of statements, as soon as it logs statements or slow ones",
		do:      "as a superuser: ALTER ROLE <the role in the URL> SET log_parameter_max_length = 0"},
	{is: "(" + setting("synchronous_standby_names") + " <> '')::text", want: "true", only: beyond,
		because: "no standby is waited for, but the configuration promises that nothing is lost with a database node",
		do:      "name the standbys in synchronous_standby_names (with Patroni: synchronous_mode and synchronous_mode_strict), or take the promise back"},
	{is: "pg_has_role('pg_read_all_stats', 'USAGE')::text", want: "true", only: beyond,
		because: "whether a standby follows is hidden from the role",
		do:      "GRANT pg_read_all_stats TO <the role in the URL>"},
}

// examine holds a new connection against the demands.
func examine(ctx context.Context, conn *pgconn.PgConn, o Options) error {
	var asked []demand
	var questions []string
	for _, d := range demands {
		if d.only == nil || d.only(o) {
			asked = append(asked, d)
			questions = append(questions, d.is)
		}
	}
	questions = append(questions, termQuery)
	answer := conn.ExecParams(ctx, "SELECT "+strings.Join(questions, ", "), nil, nil, nil, nil).Read()
	var said *pgconn.PgError
	switch {
	case errors.As(answer.Err, &said) && said.Code == "42883": // undefined function: has_parameter_privilege is of 15
		return Refusals{demands[0].because + ": " + demands[0].do}
	case answer.Err != nil:
		return answer.Err
	case len(answer.Rows) != 1:
		return errors.New("postgres: the server does not answer what it was asked")
	}
	var found Refusals
	for i, d := range asked {
		if is := string(answer.Rows[0][i]); is != d.want {
			because := d.because
			if strings.Contains(because, "%s") {
				because = fmt.Sprintf(because, is)
			}
			found = append(found, because+": "+d.do)
		}
	}
	if len(found) > 0 {
		return found
	}
	// One that is refused is in nobody's place: it may have been promoted by mistake.
	if !o.Terms.meet(conn, string(answer.Rows[0][len(asked)])) {
		return Refusals{left}
	}
	return nil
}

// Check asks whether the database is reached and is still what was demanded when
// it was opened: settings change while a server runs, and standbys go.
func Check(ctx context.Context, pool *pgxpool.Pool, o Options) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return explain(err, pool.Config().ConnConfig)
	}
	defer conn.Release()
	if err := examine(ctx, conn.Conn().PgConn(), o); err != nil {
		return err
	}
	if !o.SurvivesNode {
		return nil
	}
	// A standby that is away does not end connections: commits wait for it, and
	// nothing is lost. At the start it is a mistake.
	var followed bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming' AND sync_state IN ('sync', 'quorum'))").
		Scan(&followed); err != nil {
		return err
	}
	if !followed {
		return Refusals{"no standby follows that commits could wait for, so every change would wait for ever: " +
			"start the standbys that synchronous_standby_names names, and look at pg_stat_replication"}
	}
	return nil
}
