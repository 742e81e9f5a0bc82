package store

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/jisr-exchange/jisr/services/postgres"
)

// Migrate brings the schema of a PostgreSQL database to this program's, as a role
// that owns it: the role of a node that serves may change no schema.
func Migrate(ctx context.Context, url string, o postgres.Options) error {
	steps, o, err := alone(o)
	if err != nil {
		return err
	}
	return postgres.Upgrade(ctx, url, o, steps)
}

// Review asks whether the store could be opened in a PostgreSQL database, and
// changes nothing.
func Review(ctx context.Context, url string, o postgres.Options) error {
	steps, o, err := alone(o)
	if err != nil {
		return err
	}
	rights, err := neededRights()
	if err != nil {
		return err
	}
	return postgres.Review(ctx, url, o, steps, func(ctx context.Context, pool *pgxpool.Pool) error { return rights.Held(ctx, pool) })
}

// alone are the migrations, and the options of one connection.
func alone(o postgres.Options) (postgres.Migrations, postgres.Options, error) {
	if o.Application == "" {
		o.Application = "jisr"
	}
	o.Connections = 1
	steps, err := postgres.Load(spoken{}, "exchange")
	return steps, o, err
}
