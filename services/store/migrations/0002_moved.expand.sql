-- Where the exchange of this database is, if it is not simply here: it was moved
-- away, or its copy is not finished. Only `jisr migrate` writes this; a node reads
-- it when it starts.
CREATE TABLE moved (
  id     TEXT PRIMARY KEY,  -- of the move; the other end has the same
  state  TEXT NOT NULL,     -- arriving, arrived, left
  origin TEXT NOT NULL,     -- which exchange it is
  place  TEXT NOT NULL,     -- the other end, without a role or a password
  time   BIGINT NOT NULL    -- microseconds since 1970
) WITHOUT ROWID;
