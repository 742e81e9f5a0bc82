-- Where the keyring is, if it is not simply here: it was moved away, or its copy is
-- not finished. Only `jisr migrate` writes this; a node reads it when it starts.
CREATE TABLE moved (
	id     text COLLATE "C" PRIMARY KEY, -- of the move; the other end has the same
	state  text NOT NULL,   -- arriving, arrived, left
	origin text NOT NULL,   -- which keyring it is
	place  text NOT NULL,   -- the other end, without a role or a password
	time   bigint NOT NULL  -- microseconds since 1970
);
