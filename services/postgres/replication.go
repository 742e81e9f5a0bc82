package postgres

import (
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

const unreplicated = "jisr: a commit was not waited for"

// note hears what a server says beside its answers. Its text is in the server's
// language, the place in its source is not.
func note(conn *pgconn.PgConn, n *pgconn.Notice) {
	if n.Routine == "SyncRepWaitForLSN" || strings.HasPrefix(n.Message, "canceling wait for synchronous replication") {
		conn.CustomData()[unreplicated] = true
	}
}

// Unreplicated reports whether a commit on the connection since the last time of
// asking is on the server's own disk alone, because its wait for a standby was
// cancelled: the commit was told as any other, and may be lost with the node.
func Unreplicated(conn *pgconn.PgConn) bool {
	_, found := conn.CustomData()[unreplicated]
	delete(conn.CustomData(), unreplicated)
	return found
}
