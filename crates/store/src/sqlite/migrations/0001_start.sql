-- The platform comes first in every key (DESIGN D16). Times are milliseconds, offsets are positions in the log,
-- lists are joined by line feeds, digests and handles are blobs.

CREATE TABLE store (
  one      INTEGER PRIMARY KEY CHECK (one = 1),
  timeline TEXT NOT NULL,
  demo     INTEGER NOT NULL
);
INSERT INTO store VALUES (1, lower(hex(randomblob(16))), 0);

CREATE TABLE wrapped_keys (purpose TEXT PRIMARY KEY, wrapped BLOB NOT NULL) WITHOUT ROWID;

-- Offsets are gap-free and in commit order: the head moves last, in batches that carry entries only (SECURITY R9).
CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), "offset" INTEGER NOT NULL);
INSERT INTO head VALUES (1, 0);
CREATE TABLE log (
  "offset" INTEGER PRIMARY KEY,
  platform TEXT NOT NULL,
  kind     TEXT NOT NULL,
  id       TEXT NOT NULL,
  effect   TEXT NOT NULL,
  at       INTEGER NOT NULL,
  reason   TEXT
);
-- Kills of what has no row of its own to carry them, or none that a token look-up reads anyway.
CREATE TABLE kills (
  platform TEXT NOT NULL,
  kind     TEXT NOT NULL,
  id       TEXT NOT NULL,
  "offset" INTEGER NOT NULL,
  at       INTEGER NOT NULL,
  PRIMARY KEY (platform, kind, id)
) WITHOUT ROWID;

CREATE TABLE audit (
  number    INTEGER PRIMARY KEY,
  operation TEXT NOT NULL UNIQUE,
  platform  TEXT,
  actor     TEXT NOT NULL,
  action    TEXT NOT NULL,
  subject   TEXT NOT NULL,
  detail    TEXT NOT NULL,
  at        INTEGER NOT NULL
);

CREATE TABLE platforms (
  id         TEXT PRIMARY KEY,
  revision   INTEGER NOT NULL,
  document   TEXT NOT NULL,
  applied_at INTEGER NOT NULL
);

CREATE TABLE users (
  number           INTEGER PRIMARY KEY,
  platform         TEXT NOT NULL,
  id               TEXT NOT NULL,
  name             TEXT NOT NULL,
  password         TEXT,
  external_issuer  TEXT,
  external_subject TEXT,
  password_version INTEGER NOT NULL,
  email            TEXT,
  status           TEXT NOT NULL,
  created_at       INTEGER NOT NULL,
  UNIQUE (platform, id),
  UNIQUE (platform, name)
);
CREATE UNIQUE INDEX users_external ON users (platform, external_issuer, external_subject)
  WHERE external_issuer IS NOT NULL;

CREATE TABLE sessions (
  number     INTEGER PRIMARY KEY,
  platform   TEXT NOT NULL,
  id         TEXT NOT NULL,
  digest     BLOB NOT NULL,
  user       TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  last_seen  INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  address    TEXT NOT NULL,
  browser    TEXT NOT NULL,
  ended_at   INTEGER,
  UNIQUE (platform, id),
  UNIQUE (platform, digest)
);
CREATE INDEX sessions_of_user ON sessions (platform, user);

CREATE TABLE accounts (
  number       INTEGER PRIMARY KEY,
  platform     TEXT NOT NULL,
  id           TEXT NOT NULL,
  environment  TEXT NOT NULL,
  owner        TEXT,
  partner      TEXT,
  status       TEXT NOT NULL,
  status_since INTEGER NOT NULL,
  plan         TEXT,
  licences     TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  resets       INTEGER NOT NULL,
  kill         INTEGER NOT NULL,
  UNIQUE (platform, id)
);
CREATE INDEX accounts_of_owner ON accounts (platform, owner) WHERE owner IS NOT NULL;

-- From any public credential id to its kind (DESIGN D5).
CREATE TABLE credential_ids (
  platform TEXT NOT NULL,
  id       TEXT NOT NULL,
  kind     TEXT NOT NULL,
  PRIMARY KEY (platform, id)
) WITHOUT ROWID;

CREATE TABLE keys (
  number      INTEGER PRIMARY KEY,
  platform    TEXT NOT NULL,
  id          TEXT NOT NULL,
  account     TEXT,
  partner     TEXT,
  environment TEXT,
  digest      BLOB NOT NULL,
  label       TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  "offset"    INTEGER NOT NULL,
  ended_at    INTEGER,
  end_reason  TEXT,
  successor   TEXT,
  last_used   INTEGER,
  UNIQUE (platform, id),
  CHECK ((account IS NULL) <> (partner IS NULL))
);
CREATE INDEX keys_of_account ON keys (platform, account) WHERE account IS NOT NULL;
CREATE INDEX keys_of_partner ON keys (platform, partner) WHERE partner IS NOT NULL;
CREATE INDEX keys_ended ON keys (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE clients (
  number                INTEGER PRIMARY KEY,
  platform              TEXT NOT NULL,
  id                    TEXT NOT NULL,
  name                  TEXT NOT NULL,
  description           TEXT NOT NULL,
  url                   TEXT NOT NULL,
  terms_of_use          TEXT NOT NULL,
  privacy_policy        TEXT NOT NULL,
  owner_user            TEXT,
  owner_partner         TEXT,
  status                TEXT NOT NULL,
  status_since          INTEGER NOT NULL,
  live_trading_approved INTEGER NOT NULL,
  redirect_uris         TEXT NOT NULL,
  scopes                TEXT NOT NULL,
  licences              TEXT NOT NULL,
  visible_to            TEXT NOT NULL,
  created_at            INTEGER NOT NULL,
  active_from           INTEGER,
  expires_at            INTEGER,
  kill                  INTEGER NOT NULL,
  settings              TEXT NOT NULL,
  UNIQUE (platform, id)
);

CREATE TABLE client_secrets (
  number     INTEGER PRIMARY KEY,
  client     INTEGER NOT NULL REFERENCES clients (number),
  digest     BLOB NOT NULL,
  partner    TEXT,
  created_at INTEGER NOT NULL,
  ended_at   INTEGER
);
CREATE INDEX client_secrets_of_client ON client_secrets (client);

-- `name` is 63 bits of SHA-256 over platform and id: what hangs from a grant can name it without a look-up.
-- `own`: the client acts for itself, nobody gave it the grant.
-- `live` is a digest of (client, subject, account set, origin) while the grant lives: one live grant per key.
CREATE TABLE grants (
  number     INTEGER PRIMARY KEY,
  name       INTEGER NOT NULL UNIQUE,
  platform   TEXT NOT NULL,
  id         TEXT NOT NULL,
  client     TEXT NOT NULL,
  user       TEXT,
  accounts   TEXT NOT NULL,
  scopes     TEXT NOT NULL,
  partner    TEXT,
  own        INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  last_used  INTEGER,
  live       BLOB,
  ended_at   INTEGER,
  end_reason TEXT,
  successor  TEXT
);
CREATE UNIQUE INDEX grants_live ON grants (platform, live) WHERE live IS NOT NULL;
CREATE INDEX grants_of_user ON grants (platform, user) WHERE user IS NOT NULL;
CREATE INDEX grants_ended ON grants (ended_at) WHERE ended_at IS NOT NULL;
CREATE TABLE grant_accounts (
  platform TEXT NOT NULL,
  account  TEXT NOT NULL,
  grant    INTEGER NOT NULL,
  PRIMARY KEY (platform, account, grant)
) WITHOUT ROWID;

-- Codes and tokens lie in the order of their issue: what is written together shares its pages, and a redeemed code is
-- among the last. They are found by their place, 63 bits of the digest or handle, in an index of integers only: small,
-- since each entry goes to a page of its own. The row is also the record of the issue.
-- Codes are indexed by the period of their issue, so that a period is dropped in one piece.
CREATE TABLE codes (
  number         INTEGER PRIMARY KEY,
  period         INTEGER NOT NULL,
  place          INTEGER NOT NULL,
  digest         BLOB NOT NULL,
  platform       TEXT NOT NULL,
  client         TEXT NOT NULL,
  redirect_uri   TEXT NOT NULL,
  challenge      TEXT,
  grant          INTEGER NOT NULL,
  scopes         TEXT NOT NULL,
  partner        TEXT,
  issued_at      INTEGER NOT NULL,
  expires_at     INTEGER NOT NULL,
  "offset"       INTEGER NOT NULL,
  redeemed_at    INTEGER,
  redeemed_token BLOB,
  redeemed_chain TEXT,
  replayed_at    INTEGER,
  binding        TEXT,
  context        TEXT NOT NULL
);
CREATE UNIQUE INDEX codes_place ON codes (period, place);

CREATE TABLE tokens (
  number     INTEGER PRIMARY KEY,
  place      INTEGER NOT NULL,
  handle     BLOB NOT NULL,
  platform   TEXT NOT NULL,
  grant      INTEGER NOT NULL,
  scopes     TEXT NOT NULL,
  partner    TEXT,
  issued_at  INTEGER NOT NULL,
  expires_at INTEGER,
  "offset"   INTEGER NOT NULL,
  ended_at   INTEGER,
  end_reason TEXT,
  chain      TEXT
);
CREATE UNIQUE INDEX tokens_place ON tokens (place);

-- A refresh chain is one row that moves on; its refresh tokens are derived and never stored (SECURITY R2). Its end is the
-- end of the tokens that name it.
CREATE TABLE chains (
  number       INTEGER PRIMARY KEY,
  platform     TEXT NOT NULL,
  id           TEXT NOT NULL,
  grant        INTEGER NOT NULL,
  client       TEXT NOT NULL,
  scopes       TEXT NOT NULL,
  salt         BLOB NOT NULL,
  key          INTEGER NOT NULL,
  generation   INTEGER NOT NULL,
  binding      TEXT,
  context      TEXT NOT NULL,
  issued_at    INTEGER NOT NULL,
  answered_at  INTEGER NOT NULL,
  reanswers    INTEGER NOT NULL,
  idle_ends_at INTEGER,
  ends_at      INTEGER,
  "offset"     INTEGER NOT NULL,
  ended_at     INTEGER,
  end_reason   TEXT,
  repeats      TEXT NOT NULL DEFAULT '',
  UNIQUE (platform, id)
);
CREATE INDEX chains_of_grant ON chains (grant);

-- What was used and may not be used again (SECURITY R16).
CREATE TABLE marks (
  platform TEXT NOT NULL,
  kind     TEXT NOT NULL,
  owner    TEXT NOT NULL,
  digest   BLOB NOT NULL,
  ends_at  INTEGER NOT NULL,
  PRIMARY KEY (platform, kind, owner, digest)
) WITHOUT ROWID;
CREATE INDEX marks_end ON marks (ends_at);

CREATE TABLE devices (
  number       INTEGER PRIMARY KEY,
  platform     TEXT NOT NULL,
  digest       BLOB NOT NULL,
  user_code    TEXT NOT NULL,
  client       TEXT NOT NULL,
  scopes       TEXT NOT NULL,
  context      TEXT NOT NULL,
  issued_at    INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL,
  interval_ms  INTEGER NOT NULL,
  last_poll    INTEGER,
  state        TEXT NOT NULL,
  grant        INTEGER,
  decision     TEXT,
  "offset"     INTEGER,
  UNIQUE (platform, digest),
  UNIQUE (platform, user_code)
);
CREATE INDEX devices_end ON devices (expires_at);

CREATE TABLE pushed (
  number     INTEGER PRIMARY KEY,
  platform   TEXT NOT NULL,
  digest     BLOB NOT NULL,
  client     TEXT NOT NULL,
  parameters TEXT NOT NULL,
  binding    TEXT,
  issued_at  INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  completed  INTEGER NOT NULL,
  UNIQUE (platform, digest)
);
CREATE INDEX pushed_end ON pushed (expires_at);

-- Private halves are wrapped under a key that is not here (SECURITY R1).
CREATE TABLE signing_keys (
  number      INTEGER PRIMARY KEY,
  platform    TEXT NOT NULL,
  kid         TEXT NOT NULL,
  alg         TEXT NOT NULL,
  wrapped     BLOB NOT NULL,
  public      TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  active_from INTEGER NOT NULL,
  retires_at  INTEGER,
  gone_at     INTEGER,
  UNIQUE (platform, kid)
);

CREATE TABLE administrators (
  number     INTEGER PRIMARY KEY,
  id         TEXT NOT NULL UNIQUE,
  digest     BLOB NOT NULL UNIQUE,
  rights     TEXT NOT NULL,
  platform   TEXT,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  ended_at   INTEGER
);
