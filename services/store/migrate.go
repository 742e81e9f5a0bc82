package store

import (
	"context"

	"github.com/jisr-exchange/jisr/services/postgres"
)

// Migrate brings the schema of a PostgreSQL database to this program's, as a role
// that owns it: the role of a node that serves may change no schema.
func Migrate(ctx context.Context, url string, o postgres.Options) error {
	steps, err := postgres.Load(spoken{}, "exchange")
	if err != nil {
		return err
	}
	if o.Application == "" {
		o.Application = "jisr"
	}
	o.Connections = 1
	pool, err := postgres.Open(ctx, url, o)
	if err != nil {
		return err
	}
	defer pool.Close()
	return postgres.Migrate(ctx, pool, steps)
}
