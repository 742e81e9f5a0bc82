-- Records at rest: a clear header and sealed sections. Nothing in this file's
-- tables tells who a person is; what is clear is links, states, times, scope
-- and order bit sets, and random ids.
--
-- One text for every database, in the words of SQLite; dialect.go says how
-- PostgreSQL reads them. Text compares by its bytes in both.
--
-- Where a column holds what a record is called, but for an entry of the log, it holds
-- the record's shelfmark, which begins with when it was made, and not its name.

-- The keyring by which names are made of shelfmarks. By another one nothing would be
-- found here.
CREATE TABLE bound (
  id    TEXT PRIMARY KEY, -- 'keyring'
  value TEXT NOT NULL     -- follows from its secret, and tells nothing of it
) WITHOUT ROWID;

CREATE TABLE records (
  name        TEXT PRIMARY KEY,
  type        TEXT NOT NULL,
  case_name   TEXT NOT NULL,    -- '' outside of cases
  subject     TEXT NOT NULL,    -- the victim or suspect it is about; '' for the whole case
  create_time BIGINT NOT NULL,  -- microseconds since 1970
  state       INTEGER NOT NULL,
  revision    BIGINT NOT NULL,
  header      BLOB NOT NULL,
  envelope    BLOB NOT NULL
);
CREATE INDEX records_by_case ON records (case_name, type, create_time, name);

-- What lets whom know that a record exists. A holder is an agency ('a:molsa')
-- or all agencies of a jurisdiction that act in a governorate ('t:1:IQG15').
-- The rows lie in the order in which lists read them; a caller's links to one
-- record are read with each, from an index alone; and only what a record made
-- stands in the index by which its end ends it. A list below one case has an index
-- of its own, by the first 32 bytes of a name, which are its case's: by the names in
-- the case it would cost what is hidden there, by the order of all that the holder
-- knows of it would cost the territory. It begins with the case, so that what one
-- change adds lies together; what lies in no case is not in it, and a notification,
-- the most frequent change, pays nothing for it.
CREATE TABLE sight (
  holder      TEXT NOT NULL,
  type        TEXT NOT NULL,
  create_time BIGINT NOT NULL,  -- of the record; the month's for a monitor
  sort        TEXT NOT NULL,    -- a monitor's pseudonym of the record; else ''
  name        TEXT NOT NULL,
  link        INTEGER NOT NULL,
  via         TEXT NOT NULL,    -- the record that made the link; '' for ownership, territory, oversight
  subject     TEXT NOT NULL,    -- on a case: which person in it the link is about; '' for the whole case
  scope       BIGINT NOT NULL,  -- bit set of data classes
  until_time  BIGINT NOT NULL,  -- microseconds since 1970; 0: no term
  visible     INTEGER NOT NULL, -- 0 while a sealing order closes it
  PRIMARY KEY (holder, type, create_time, sort, name, link, via, subject)
) WITHOUT ROWID;
CREATE INDEX sight_by_name ON sight (name, holder, visible, link, via, scope, until_time);
CREATE INDEX sight_by_case ON sight (substr(name, 1, 32), holder, type, create_time, sort, name, until_time)
  WHERE visible = 1 AND type NOT IN ('Case', 'Notification', 'Delivery');
CREATE INDEX sight_by_via ON sight (via) WHERE via <> '';

-- Stands for all that is in a case, content and who may see it: each transaction
-- that wrote anything there gives it another one, at random, and a read that was
-- begun under an older one is not released. Where there are several writers,
-- whoever writes in a case holds its row first.
CREATE TABLE epochs (
  case_name TEXT PRIMARY KEY,
  epoch     BIGINT NOT NULL
) WITHOUT ROWID;

-- Consents in force, by whom they are about.
CREATE TABLE consents (
  name       TEXT PRIMARY KEY,
  subject    TEXT NOT NULL,
  role       INTEGER NOT NULL,
  agency     TEXT NOT NULL,     -- '' for every agency of the role
  purpose    INTEGER NOT NULL,
  classes    BIGINT NOT NULL,
  until_time BIGINT NOT NULL
);
CREATE INDEX consents_by_subject ON consents (subject, role);

-- Orders in force that something must look up: kind, target, term.
CREATE TABLE orders (
  name       TEXT PRIMARY KEY,
  case_name  TEXT NOT NULL,
  target     TEXT NOT NULL,
  kind       INTEGER NOT NULL,
  until_time BIGINT NOT NULL
);
CREATE INDEX orders_by_case ON orders (case_name, kind);

-- What has passed its term is looked for every few seconds. The condition is no
-- inequality: against one, SQLite holds the parameters of every query of a term,
-- and prepares the query anew whenever they change.
CREATE INDEX sight_by_term ON sight (until_time) WHERE until_time <> 0;
CREATE INDEX consents_by_term ON consents (until_time) WHERE until_time <> 0;
CREATE INDEX orders_by_term ON orders (until_time) WHERE until_time <> 0;

-- Who may still see a matter under seal.
CREATE TABLE seals (
  name      TEXT NOT NULL,
  case_name TEXT NOT NULL,
  subject   TEXT NOT NULL,
  agency    TEXT NOT NULL,
  PRIMARY KEY (name, agency)
);
CREATE INDEX seals_by_case ON seals (case_name);

-- Which victims a suspect endangers: whoever shelters one may know of the suspect.
CREATE TABLE endangered (
  suspect TEXT NOT NULL,
  victim  TEXT NOT NULL,
  PRIMARY KEY (suspect, victim)
);
CREATE INDEX endangered_by_victim ON endangered (victim);

-- Notifications waiting at their receivers.
CREATE TABLE deliveries (
  queued       INTEGER PRIMARY KEY, -- order of arrival, in a case and else nearly
  name         TEXT NOT NULL UNIQUE,
  agency       TEXT NOT NULL,
  case_name    TEXT NOT NULL,
  notification TEXT NOT NULL,
  state        INTEGER NOT NULL,
  lease_until  BIGINT NOT NULL
);
CREATE INDEX deliveries_by_agency ON deliveries (agency, state, queued);
-- What is pending or leased of a case: the first of it is handed out, and the others wait.
CREATE INDEX deliveries_by_case ON deliveries (agency, case_name, queued) WHERE state IN (1, 2);

-- Dense numbers of the deliveries of an agency, and the generation of the journal that
-- was posted last.
CREATE TABLE counters (
  name  TEXT PRIMARY KEY,
  value BIGINT NOT NULL
) WITHOUT ROWID;

-- Answers to calls that named a request id, for 30 days.
CREATE TABLE idempotency (
  call        BLOB PRIMARY KEY,  -- keyed hash of agency, rpc and request id
  body        BLOB NOT NULL,     -- keyed hash of the request
  reply       BLOB NOT NULL,     -- the reply: headers only
  entry       TEXT NOT NULL,
  create_time BIGINT NOT NULL
);
CREATE INDEX idempotency_by_time ON idempotency (create_time);

-- The access log. It is written with each read: an entry is appended under a
-- number and found by it, so that no index by random names is spread over the
-- file; its subjects stand in one tree and not in a table and an index, or in boxes.
CREATE TABLE log_entries (
  seq        INTEGER PRIMARY KEY,
  name       TEXT NOT NULL,
  time       BIGINT NOT NULL,
  leaf       BLOB NOT NULL,
  salt       BLOB NOT NULL,
  commitment BLOB NOT NULL
);
CREATE TABLE log_subjects (
  record BIGINT NOT NULL,  -- the first 8 bytes of the SHA-256 of its name
  time   BIGINT NOT NULL,
  seq    BIGINT NOT NULL,
  PRIMARY KEY (record, time, seq)
) WITHOUT ROWID;
-- What a file's posted entries are about: many finds a row. A box has sixteen within
-- it, and the innermost is of one record alone; boxes.go says how they are filled.
CREATE TABLE log_finds (
  box   BIGINT NOT NULL,
  time  BIGINT NOT NULL,  -- in an innermost box the first find's, else 0
  seq   BIGINT NOT NULL,  -- and this, too; else the row's place in its box
  finds BLOB NOT NULL,
  PRIMARY KEY (box, time, seq)
) WITHOUT ROWID;

-- The agreements that were in force, and the one that is.
CREATE TABLE agreements (
  hash        TEXT PRIMARY KEY,
  text        BLOB NOT NULL,
  create_time BIGINT NOT NULL,
  in_force    INTEGER NOT NULL
);
CREATE UNIQUE INDEX agreements_in_force ON agreements (in_force) WHERE in_force = 1;

-- The monitors that the agreement in force names, and whether each has been given its
-- sight of what was there before it.
CREATE TABLE monitors (
  agency  TEXT PRIMARY KEY,
  terms   TEXT NOT NULL,  -- jurisdiction, and whether under pseudonyms
  reached TEXT NOT NULL   -- '~' when of all; until then random, by which who was named anew is told
) WITHOUT ROWID;

-- What a server writes to learn whether it can write again.
CREATE TABLE probes (
  id      INTEGER PRIMARY KEY,
  ballast BLOB NOT NULL
);
