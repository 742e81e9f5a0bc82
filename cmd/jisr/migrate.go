package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jisr-exchange/jisr/services/daemon"
	"github.com/jisr-exchange/jisr/services/keyring"
	"github.com/jisr-exchange/jisr/services/move"
	"github.com/jisr-exchange/jisr/services/postgres"
	"github.com/jisr-exchange/jisr/services/store"
)

// migrateFlags are the flags of jisr migrate.
type migrateFlags struct {
	from, to                 string
	fromDatabase, toDatabase string
	fromKeyring, toKeyring   string
	dryRun, serveAgain       bool
}

func newMigrate(a *app) *cobra.Command {
	var f migrateFlags
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Move an exchange to another database: from SQLite to PostgreSQL, or back",
		Long: `Migrate copies the case database and the keyring that one configuration of jisrd
names into those that another names. Keys stay wrapped, under the same
key-encryption key. What both name alike stays where it is; the database moves.

Stop the exchange first. While the copy runs, nobody can write to the source.
At the end every row of every table is compared, and what differs is told by
table and key. Only then is the source given up: it is marked, and no jisrd
serves it any more. A copy that was cut off, by whatever, is run again; until it
is whole, no jisrd serves it, and the source stays as it was.

Owners of PostgreSQL databases may mark them and lock their tables, the roles
that serve them may not: name the owner's URL by --from-database and the like,
in place of the configuration's. No password is taken from the command line; it
is read from PGPASSFILE.

--serve-again takes the mark from a source that was moved away, for when its copy
is lost or was never served. What the copy was told since is not in the source.

Exit codes: 0 all is moved, or was already; 1 the move was refused or failed;
2 the command line or a configuration is wrong; 3 no connection to a database.`,
		Example: `  jisr migrate --from jisrd-sqlite.yaml --to jisrd.yaml --dry-run
  jisr migrate --from jisrd-sqlite.yaml --to jisrd.yaml --to-database 'postgres://jisr_owner@db.example/jisr?sslmode=verify-full'
  jisr migrate --from jisrd-sqlite.yaml --serve-again`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{withoutContext: "yes"},
		RunE: func(cmd *cobra.Command, _ []string) error {
			pieces, err := f.pieces()
			if err != nil {
				return err
			}
			if f.serveAgain {
				return a.serveAgain(cmd.Context(), pieces)
			}
			return a.migrate(cmd.Context(), pieces, f.dryRun)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "the configuration of the exchange as it is served now (required)")
	flags.StringVar(&f.to, "to", "", "the configuration that it is to be served by (required)")
	flags.StringVar(&f.fromDatabase, "from-database", "", "the database to move from, in place of the configuration's")
	flags.StringVar(&f.fromKeyring, "from-keyring", "", "the keyring to move from")
	flags.StringVar(&f.toDatabase, "to-database", "", "the database to move to")
	flags.StringVar(&f.toKeyring, "to-keyring", "", "the keyring to move to")
	flags.BoolVar(&f.dryRun, "dry-run", false, "check all that can be checked, and change nothing")
	flags.BoolVar(&f.serveAgain, "serve-again", false, "take the mark of a move from the source, and move nothing")
	return cmd
}

// pieces are what is to be moved, the database first: once it is given up, nothing
// is released any more that the keys could open.
func (f *migrateFlags) pieces() ([]move.Piece, error) {
	switch {
	case f.from == "":
		return nil, usage("migrate needs --from", "name the configuration of the exchange as it is served now")
	case f.to == "" && !f.serveAgain:
		return nil, usage("migrate needs --to", "name the configuration that the exchange is to be served by")
	case f.serveAgain && (f.to != "" || f.dryRun):
		return nil, usage("--serve-again goes with --from alone", "leave the others out: nothing is moved")
	}
	from, err := f.read(f.from, f.fromDatabase, f.fromKeyring)
	if err != nil {
		return nil, err
	}
	to := from
	if f.to != "" {
		if to, err = f.read(f.to, f.toDatabase, f.toKeyring); err != nil {
			return nil, err
		}
	}
	if from.Database == to.Database && !f.serveAgain {
		return nil, usage("both configurations name the same database", "name by --to where the exchange is to be served; a keyring does not move alone")
	}
	wrappers := make([]keyring.Wrapper, 0, 2)
	for _, c := range []*daemon.Config{from, to} {
		if _, err := os.Stat(c.KeyEncryptionKey); errors.Is(err, fs.ErrNotExist) {
			return nil, usage("there is no key-encryption key "+c.KeyEncryptionKey, "put the one of the exchange there: without it no key opens")
		}
		kek, err := keyring.OpenFileKEK(c.KeyEncryptionKey)
		if err != nil {
			return nil, usage(strings.TrimPrefix(err.Error(), "keyring: "), "mend it, or name another in the configuration")
		}
		wrappers = append(wrappers, kek)
	}
	cases, err := store.Schema()
	if err != nil {
		return nil, err
	}
	keys, err := keyring.Schema(wrappers...)
	if err != nil {
		return nil, err
	}
	before, after := demands(from), demands(to)
	return []move.Piece{
		{Schema: cases, From: from.Database, To: to.Database, FromServer: before, ToServer: after},
		{Schema: keys, From: from.Keyring, To: to.Keyring, FromServer: before, ToServer: after},
	}, nil
}

// demands are what a configuration promises of its servers: where nothing is lost
// with a database node, nothing of the copy is either.
func demands(c *daemon.Config) postgres.Options {
	return postgres.Options{SurvivesNode: c.Postgres.SurvivesNodeLoss}
}

// read reads a configuration, as jisrd would, and puts what was named beside it in its place.
func (f *migrateFlags) read(path, database, ring string) (*daemon.Config, error) {
	c, err := daemon.LoadConfig(path)
	if err != nil {
		return nil, usage(path+" cannot be served:\n"+indent(err.Error()), "mend every line named")
	}
	for _, named := range []struct {
		place   string
		setting *string
	}{{database, &c.Database}, {ring, &c.Keyring}} {
		if holdsPassword(named.place) {
			return nil, usage("there is a password on the command line, where every user of this machine sees it", "put it into the file of PGPASSFILE")
		}
		if named.place != "" {
			*named.setting = named.place
		}
	}
	return c, nil
}

// holdsPassword reports whether a URL of PostgreSQL has a password in it. One that
// cannot be read may have it anywhere.
func holdsPassword(place string) bool {
	if !postgres.IsURL(place) {
		return false
	}
	u, err := url.Parse(place)
	if err != nil {
		return true
	}
	_, secret := u.User.Password()
	return secret || u.Query().Has("password")
}

func (a *app) migrate(ctx context.Context, pieces []move.Piece, dry bool) error {
	progress := newProgress(a.stderr, a.onTerminal(a.stderr), "rows", time.Now)
	doing := ""
	moved, err := move.Run(ctx, pieces, move.Options{Now: a.now, DryRun: dry, Progress: func(what string, done, total int64) {
		if what != doing {
			progress.end()
			doing, progress = what, newProgress(a.stderr, a.onTerminal(a.stderr), "rows "+what, time.Now)
		}
		progress.show(int(done), 0, int(total), "")
	}})
	progress.end()
	if err != nil {
		return migrationFailed(err)
	}
	if a.flags.json {
		return a.printValue(moved)
	}
	var rows [][]string
	for _, m := range moved {
		for _, t := range m.Tables {
			rows = append(rows, []string{m.Component, t.Name, strconv.FormatInt(t.Rows, 10), t.Digest})
		}
	}
	if len(rows) > 0 {
		header := []string{"OF", "TABLE", "ROWS", "SHA-256 OF BOTH"}
		if dry {
			header = header[:3]
			for i := range rows {
				rows[i] = rows[i][:3]
			}
		}
		if err := a.table(header, rows); err != nil {
			return err
		}
	}
	for _, m := range moved {
		line := "The %s was moved from %s to %s. No jisrd serves the old one any more."
		switch {
		case m.Already:
			line = "The %s was moved already, from %s to %s."
		case dry:
			line = "The %s would be moved from %s to %s. Nothing was changed."
		}
		if _, err := fmt.Fprintf(a.stdout, line+"\n", m.Component, m.From, m.To); err != nil {
			return written(err)
		}
	}
	return nil
}

func (a *app) serveAgain(ctx context.Context, pieces []move.Piece) error {
	again, err := move.ServeAgain(ctx, pieces, move.Options{Now: a.now})
	if err != nil {
		return migrationFailed(err)
	}
	if len(again) == 0 {
		return &failedError{"nothing of this exchange was moved away"}
	}
	for _, m := range again {
		if _, err := fmt.Fprintf(a.stdout, "The %s %s may be served again. See to it that nobody serves %s.\n", m.Component, m.From, m.To); err != nil {
			return written(err)
		}
	}
	return nil
}

// migrationFailed sorts why a move did not come to its end.
func migrationFailed(err error) error {
	var refused *move.Refusal
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case postgres.Unreached(err):
		text, action, _ := strings.Cut(strings.TrimPrefix(err.Error(), "postgres: "), "\n  ")
		if action == "" {
			action = "check the URL, and that the server runs"
		}
		return &connectionError{what: text, action: action}
	case errors.As(err, &refused):
		return &failedError{refused.Text + "\n  what to do: " + refused.Do}
	}
	return &failedError{strings.TrimPrefix(strings.TrimPrefix(err.Error(), "move: "), "postgres: ") + "\n  what to do: mend that and run it again; until it has ended well, the copy is served by nobody"}
}
