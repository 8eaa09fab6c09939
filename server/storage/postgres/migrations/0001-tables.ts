/**
 * Everything of one customer is keyed by `store` first. No foreign keys, no sequences but one, no triggers: what distributed servers of
 * this protocol hold as well (see ../README.md). JSON is text: it is the server's to read.
 */
export const tables = `
CREATE TABLE stores (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  due bigint
);
CREATE INDEX stores_due ON stores (due, id) WHERE due IS NOT NULL;

CREATE TABLE store_rows (
  store text COLLATE "C" NOT NULL,
  tab text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  value text NOT NULL,
  PRIMARY KEY (store, tab, key)
) WITH (fillfactor = 85);

CREATE TABLE store_names (
  store text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  PRIMARY KEY (store, kind, name)
);

CREATE TABLE pointers (
  kind text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  store text COLLATE "C" NOT NULL,
  PRIMARY KEY (kind, name)
);

CREATE TABLE feeds (
  name text COLLATE "C" NOT NULL PRIMARY KEY,
  last bigint NOT NULL
);

CREATE TABLE feed_entries (
  feed text COLLATE "C" NOT NULL,
  position bigint NOT NULL,
  entry text NOT NULL,
  PRIMARY KEY (feed, position)
);

CREATE TABLE feed_inbox (
  feed text COLLATE "C" NOT NULL,
  seq bigint GENERATED ALWAYS AS IDENTITY (CACHE 1),
  entry text NOT NULL,
  PRIMARY KEY (feed, seq)
);

CREATE TABLE documents (
  name text COLLATE "C" NOT NULL PRIMARY KEY,
  value text
);

CREATE TABLE used (
  digest bytea NOT NULL PRIMARY KEY,
  until bigint NOT NULL
);
CREATE INDEX used_until ON used (until);

CREATE TABLE tickets (
  digest bytea NOT NULL PRIMARY KEY,
  value text NOT NULL,
  until bigint NOT NULL
);
CREATE INDEX tickets_until ON tickets (until);

CREATE TABLE counts (
  digest bytea NOT NULL PRIMARY KEY,
  until bigint NOT NULL,
  count bigint NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX counts_until ON counts (until);

CREATE TABLE leases (
  name text COLLATE "C" NOT NULL PRIMARY KEY,
  holder text NOT NULL,
  until bigint NOT NULL
);
`;
