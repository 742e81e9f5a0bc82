-- Records at rest: a clear header and sealed sections. Nothing in this file's
-- tables tells who a person is; what is clear is links, states, times, scope
-- and order bit sets, and random ids.

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
CREATE TABLE sight (
  holder      TEXT NOT NULL,
  type        TEXT NOT NULL,
  create_time BIGINT NOT NULL,  -- of the record; the month's for a monitor
  sort        TEXT NOT NULL,    -- the record's name as this holder knows it
  name        TEXT NOT NULL,
  link        INTEGER NOT NULL,
  via         TEXT NOT NULL,    -- the record that made the link; '' for ownership, territory, oversight
  subject     TEXT NOT NULL,    -- on a case: which person in it the link is about; '' for the whole case
  scope       BIGINT NOT NULL,  -- bit set of data classes
  until_time  BIGINT NOT NULL,  -- microseconds since 1970; 0: no term
  visible     INTEGER NOT NULL, -- 0 while a sealing order closes it
  PRIMARY KEY (holder, type, create_time, sort, name, link, via, subject)
);
CREATE INDEX sight_by_name ON sight (name, holder);
CREATE INDEX sight_by_via ON sight (via);

-- Counts the transactions that wrote anything in a case, content or who may see
-- it; a read that was begun under an older count is not released.
CREATE TABLE epochs (
  case_name TEXT PRIMARY KEY,
  epoch     BIGINT NOT NULL
);

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
  name         TEXT PRIMARY KEY,
  agency       TEXT NOT NULL,
  case_name    TEXT NOT NULL,
  notification TEXT NOT NULL,
  queued       BIGINT NOT NULL,  -- order of arrival at this agency
  state        INTEGER NOT NULL,
  lease_until  BIGINT NOT NULL
);
CREATE INDEX deliveries_by_agency ON deliveries (agency, state, queued);
CREATE INDEX deliveries_by_notification ON deliveries (notification);

-- Dense numbers: deliveries of an agency, arrivals.
CREATE TABLE counters (
  name  TEXT PRIMARY KEY,
  value BIGINT NOT NULL
);

-- Answers to calls that named a request id, for 30 days.
CREATE TABLE idempotency (
  call        BLOB PRIMARY KEY,  -- keyed hash of agency, rpc and request id
  body        BLOB NOT NULL,     -- keyed hash of the request
  reply       BLOB NOT NULL,     -- the reply: headers only
  entry       TEXT NOT NULL,
  create_time BIGINT NOT NULL
);
CREATE INDEX idempotency_by_time ON idempotency (create_time);

-- The access log: unordered under random ids.
CREATE TABLE log_entries (
  name       TEXT PRIMARY KEY,
  time       BIGINT NOT NULL,
  leaf       BLOB NOT NULL,
  salt       BLOB NOT NULL,
  commitment BLOB NOT NULL
);
CREATE TABLE log_subjects (
  record TEXT NOT NULL,
  time   BIGINT NOT NULL,
  entry  TEXT NOT NULL,
  PRIMARY KEY (record, time, entry)
);

-- The agreements that were in force, and the one that is.
CREATE TABLE agreements (
  hash        TEXT PRIMARY KEY,
  text        BLOB NOT NULL,
  create_time BIGINT NOT NULL,
  in_force    INTEGER NOT NULL
);

-- What a server writes to learn whether it can write again.
CREATE TABLE probes (
  id      INTEGER PRIMARY KEY,
  ballast BLOB NOT NULL
);
