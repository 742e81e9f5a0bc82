-- What every read costs. The log is written with each: an entry is appended
-- under a number and found by it, so that no index by random names is spread
-- over the file; its subjects stand in one tree and not in a table and an index.
CREATE TABLE appended (
  seq        INTEGER PRIMARY KEY,
  name       TEXT NOT NULL,
  time       BIGINT NOT NULL,
  leaf       BLOB NOT NULL,
  salt       BLOB NOT NULL,
  commitment BLOB NOT NULL
);
INSERT INTO appended(name, time, leaf, salt, commitment)
  SELECT name, time, leaf, salt, commitment FROM log_entries ORDER BY rowid;
CREATE TABLE subjects (
  record TEXT NOT NULL,
  time   BIGINT NOT NULL,
  entry  TEXT NOT NULL,
  seq    BIGINT NOT NULL,
  PRIMARY KEY (record, time, entry)
) WITHOUT ROWID;
INSERT INTO subjects(record, time, entry, seq)
  SELECT s.record, s.time, s.entry, e.seq FROM log_subjects s JOIN appended e ON e.name = s.entry;
DROP TABLE log_subjects;
DROP TABLE log_entries;
ALTER TABLE appended RENAME TO log_entries;
ALTER TABLE subjects RENAME TO log_subjects;

-- Who knows of what: the rows lie in the order in which lists read them; a
-- caller's links to one record are read with each, from an index alone; and only
-- what a record made stands in the index by which its end ends it.
CREATE TABLE links (
  holder      TEXT NOT NULL,
  type        TEXT NOT NULL,
  create_time BIGINT NOT NULL,
  sort        TEXT NOT NULL,
  name        TEXT NOT NULL,
  link        INTEGER NOT NULL,
  via         TEXT NOT NULL,
  subject     TEXT NOT NULL,
  scope       BIGINT NOT NULL,
  until_time  BIGINT NOT NULL,
  visible     INTEGER NOT NULL,
  PRIMARY KEY (holder, type, create_time, sort, name, link, via, subject)
) WITHOUT ROWID;
INSERT INTO links SELECT * FROM sight;
DROP TABLE sight;
ALTER TABLE links RENAME TO sight;
CREATE INDEX sight_by_name ON sight (name, holder, visible, link, via, scope, until_time);
CREATE INDEX sight_by_via ON sight (via) WHERE via <> '';

-- What has passed its term is looked for every few seconds. The condition is no
-- inequality: against one, SQLite holds the parameters of every query of a term,
-- and prepares the query anew whenever they change.
CREATE INDEX sight_by_term ON sight (until_time) WHERE until_time <> 0;
CREATE INDEX consents_by_term ON consents (until_time) WHERE until_time <> 0;
CREATE INDEX orders_by_term ON orders (until_time) WHERE until_time <> 0;
