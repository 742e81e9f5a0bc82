package keyring

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/jisr-exchange/jisr/deploy"
	"github.com/jisr-exchange/jisr/services/postgres"
)

// Migrate brings the schema of a keyring's database to this program's, as a role
// that owns it: the role of a node that serves may change no schema.
func Migrate(ctx context.Context, url string, demands ...Demand) error {
	steps, o, err := alone(demands)
	if err != nil {
		return err
	}
	return postgres.Upgrade(ctx, url, o, steps)
}

// Review asks whether a keyring could be opened in a PostgreSQL database under a
// key-encryption key, where there is one yet, and changes nothing.
func Review(ctx context.Context, url string, w Wrapper, demands ...Demand) error {
	steps, o, err := alone(demands)
	if err != nil {
		return err
	}
	rights, err := neededRights()
	if err != nil {
		return err
	}
	return postgres.Review(ctx, url, o, steps, func(ctx context.Context, pool *pgxpool.Pool) error {
		if err := rights.Held(ctx, pool); err != nil {
			return err
		}
		var wrapped []byte
		err := pool.QueryRow(ctx, "SELECT wrapped FROM keys WHERE id = $1", secretID).Scan(&wrapped)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return nil // made by the first node that starts
		case err != nil:
			return fmt.Errorf("keyring: %w", err)
		case w == nil:
			return errors.New("keyring: the keyring was made under a key-encryption key that is not here: put a copy of it into the place of key_encryption_key")
		}
		if _, err := w.Unwrap(secretID, wrapped); err != nil {
			return fmt.Errorf("%w: %w", errOtherKEK, err)
		}
		return nil
	})
}

// neededRights are what the role of a node needs in the database.
func neededRights() (postgres.Rights, error) {
	return postgres.ReadRights("deploy/postgres/keyring.sql", deploy.Keyring, "jisr_keys_serving")
}

// alone are the migrations, and the options of one connection.
func alone(demands []Demand) (postgres.Migrations, postgres.Options, error) {
	o := postgres.Options{Application: "jisr keyring", Connections: 1}
	for _, demand := range demands {
		demand(&o)
	}
	steps, err := steps()
	return steps, o, err
}
