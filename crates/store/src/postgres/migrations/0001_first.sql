-- The first schema. Times are milliseconds since the epoch, offsets positions in the log. Identifiers compare by
-- bytes (COLLATE "C"): cheaper in indexes, and the same order as in the program.

-- The one row about the store itself.
CREATE TABLE store_info (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    timeline text NOT NULL,
    demo boolean NOT NULL DEFAULT false,
    bootstrapped boolean NOT NULL DEFAULT false
);
INSERT INTO store_info (timeline) VALUES (gen_random_uuid()::text);

-- The one row that orders log and audit. Locked last in a transaction, so that numbers become visible in their
-- order and without gaps.
CREATE TABLE head (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    n bigint NOT NULL,
    audit bigint NOT NULL
) WITH (fillfactor = 20);
INSERT INTO head (n, audit) VALUES (0, 0);

CREATE TABLE log (
    n bigint PRIMARY KEY,
    platform text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    effect text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    reason text COLLATE "C"
);

-- Newest killing entry for subjects that have no row of their own with a kill column.
CREATE TABLE kills (
    platform text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    n bigint NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (platform, kind, id)
);

CREATE TABLE audit (
    number bigint PRIMARY KEY,
    operation text COLLATE "C" NOT NULL UNIQUE,
    platform text COLLATE "C",
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail text NOT NULL,
    at bigint NOT NULL
);

CREATE TABLE wrapped_keys (
    purpose text COLLATE "C" PRIMARY KEY,
    wrapped bytea NOT NULL
);

CREATE TABLE platforms (
    id text COLLATE "C" PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    revision bigint NOT NULL,
    document text NOT NULL,
    applied_at bigint NOT NULL
);

CREATE TABLE users (
    platform text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    name text COLLATE "C" NOT NULL,
    password text,
    external_issuer text COLLATE "C",
    external_subject text COLLATE "C",
    password_version bigint NOT NULL,
    email text,
    status text NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (platform, id),
    UNIQUE (platform, name),
    UNIQUE (platform, external_issuer, external_subject),
    CHECK ((external_issuer IS NULL) = (external_subject IS NULL))
);

CREATE TABLE sessions (
    platform text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    last_seen bigint NOT NULL,
    expires_at bigint NOT NULL,
    address text NOT NULL,
    browser text NOT NULL,
    PRIMARY KEY (platform, digest)
);
CREATE INDEX sessions_user ON sessions (platform, user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE accounts (
    platform text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    environment text COLLATE "C" NOT NULL,
    owner text COLLATE "C",
    partner text COLLATE "C",
    status text NOT NULL,
    status_since bigint NOT NULL,
    plan text,
    licences text[] NOT NULL,
    created_at bigint NOT NULL,
    resets bigint NOT NULL,
    kill bigint NOT NULL,
    PRIMARY KEY (platform, id)
);
CREATE INDEX accounts_owner ON accounts (platform, owner) WHERE owner IS NOT NULL;

-- One index from any public credential id to what it names.
CREATE TABLE credential_ids (
    platform text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    PRIMARY KEY (platform, id)
);

CREATE TABLE api_keys (
    platform text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    account text COLLATE "C",
    partner text COLLATE "C",
    environment text COLLATE "C",
    digest bytea NOT NULL,
    label text NOT NULL,
    created_at bigint NOT NULL,
    log_offset bigint NOT NULL,
    ended_at bigint,
    ended_reason text,
    successor text,
    last_used bigint,
    PRIMARY KEY (platform, id),
    CHECK ((account IS NULL) <> (partner IS NULL)),
    CHECK ((ended_at IS NULL) = (ended_reason IS NULL))
);
CREATE INDEX api_keys_account ON api_keys (platform, account) WHERE account IS NOT NULL;
CREATE INDEX api_keys_partner ON api_keys (platform, partner) WHERE partner IS NOT NULL;
CREATE INDEX api_keys_ended ON api_keys (ended_at) WHERE ended_at IS NOT NULL;

-- A client's secrets are four arrays of equal length beside it: read with it, changed under its lock.
CREATE TABLE clients (
    platform text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL,
    description text NOT NULL,
    url text NOT NULL,
    terms_of_use text NOT NULL,
    privacy_policy text NOT NULL,
    owner_kind text NOT NULL,
    owner text NOT NULL,
    status text NOT NULL,
    status_since bigint NOT NULL,
    live_trading_approved boolean NOT NULL,
    redirect_uris text[] NOT NULL,
    scopes text NOT NULL,
    licences text[] NOT NULL,
    visible_to text[] NOT NULL,
    secret_digests bytea[] NOT NULL,
    secret_partners text[] NOT NULL,
    secret_created bigint[] NOT NULL,
    secret_ended bigint[] NOT NULL,
    created_at bigint NOT NULL,
    active_from bigint,
    expires_at bigint,
    kill bigint NOT NULL,
    settings text NOT NULL,
    PRIMARY KEY (platform, id),
    CHECK (cardinality(secret_digests) = cardinality(secret_partners)
       AND cardinality(secret_digests) = cardinality(secret_created)
       AND cardinality(secret_digests) = cardinality(secret_ended))
);

-- key: digest of client, user, accounts and origin. One live grant of each. own: the client acts for itself.
CREATE TABLE grants (
    platform text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    key bytea NOT NULL,
    client text COLLATE "C" NOT NULL,
    user_id text COLLATE "C",
    accounts text[] COLLATE "C" NOT NULL,
    scopes text NOT NULL,
    partner text COLLATE "C",
    own boolean NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    last_used bigint,
    ended_at bigint,
    ended_reason text,
    PRIMARY KEY (platform, id),
    CHECK ((ended_at IS NULL) = (ended_reason IS NULL))
) WITH (fillfactor = 90);
CREATE UNIQUE INDEX grants_live ON grants (platform, key) WHERE ended_at IS NULL;
CREATE INDEX grants_user ON grants (platform, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX grants_accounts ON grants USING gin (accounts);
CREATE INDEX grants_ended ON grants (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE codes (
    platform text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    client text COLLATE "C" NOT NULL,
    redirect_uri text NOT NULL,
    challenge text,
    grant_id text COLLATE "C" NOT NULL,
    scopes text NOT NULL,
    partner text COLLATE "C",
    issued_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    log_offset bigint NOT NULL,
    redeemed_at bigint,
    redeemed_handle bytea,
    redeemed_chain text COLLATE "C",
    replayed_at bigint,
    binding text COLLATE "C",
    context text NOT NULL,
    PRIMARY KEY (platform, digest)
) WITH (fillfactor = 70);
CREATE INDEX codes_expiry ON codes (expires_at);

-- Found by the handle, which follows from the digest: one index serves both names. No foreign keys here: tokens are
-- the hot path, and a token without its grant answers nothing.
CREATE TABLE tokens (
    platform text COLLATE "C" NOT NULL,
    handle bytea NOT NULL,
    digest bytea NOT NULL,
    grant_id text COLLATE "C" NOT NULL,
    scopes text NOT NULL,
    partner text COLLATE "C",
    issued_at bigint NOT NULL,
    expires_at bigint,
    log_offset bigint NOT NULL,
    ended_at bigint,
    ended_reason text,
    chain text COLLATE "C",
    PRIMARY KEY (platform, handle),
    CHECK ((ended_at IS NULL) = (ended_reason IS NULL))
);
CREATE INDEX tokens_ended ON tokens (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX tokens_expiry ON tokens (expires_at) WHERE expires_at IS NOT NULL;

-- A refresh chain is one row that moves on; its refresh tokens are derived and never stored. Its end is the end of the
-- tokens that name it. last_handle: the token of the newest step, by which that step is found again.
CREATE TABLE chains (
    platform text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    grant_id text COLLATE "C" NOT NULL,
    client text COLLATE "C" NOT NULL,
    scopes text NOT NULL,
    salt bytea NOT NULL CHECK (length(salt) = 16),
    key bigint NOT NULL,
    generation bigint NOT NULL,
    binding text COLLATE "C",
    context text NOT NULL,
    issued_at bigint NOT NULL,
    answered_at bigint NOT NULL,
    reanswers bigint NOT NULL,
    idle_ends_at bigint,
    ends_at bigint,
    log_offset bigint NOT NULL,
    ended_at bigint,
    ended_reason text,
    last_handle bytea,
    repeats text NOT NULL DEFAULT '',
    -- The day of idle_ends_at, for the purge: an index of the time itself would be written at each refresh, and all other
    -- indexes with it.
    idle_day bigint GENERATED ALWAYS AS (idle_ends_at / 86400000) STORED,
    PRIMARY KEY (platform, id),
    CHECK ((ended_at IS NULL) = (ended_reason IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX chains_grant ON chains (platform, grant_id);
CREATE INDEX chains_end ON chains (ends_at) WHERE ends_at IS NOT NULL;
CREATE INDEX chains_idle ON chains (idle_day) WHERE idle_day IS NOT NULL;
CREATE INDEX chains_ended ON chains (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX tokens_chain ON tokens (platform, chain) WHERE chain IS NOT NULL;

-- What was used and may not be used again.
CREATE TABLE marks (
    platform text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    ends_at bigint NOT NULL,
    PRIMARY KEY (platform, kind, owner, digest)
);
CREATE INDEX marks_end ON marks (ends_at);

CREATE TABLE devices (
    platform text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    user_code text COLLATE "C" NOT NULL,
    client text COLLATE "C" NOT NULL,
    scopes text NOT NULL,
    context text NOT NULL,
    issued_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    interval_ms bigint NOT NULL,
    last_poll bigint,
    state text NOT NULL,
    grant_id text COLLATE "C",
    decision text,
    log_offset bigint,
    spent_handle bytea,
    PRIMARY KEY (platform, digest),
    UNIQUE (platform, user_code)
) WITH (fillfactor = 50);
CREATE INDEX devices_expiry ON devices (expires_at);

CREATE TABLE pushed (
    platform text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    client text COLLATE "C" NOT NULL,
    parameters text NOT NULL,
    binding text COLLATE "C",
    issued_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    completed boolean NOT NULL,
    PRIMARY KEY (platform, digest)
);
CREATE INDEX pushed_expiry ON pushed (expires_at);

-- Private halves are wrapped under a key that is not here.
CREATE TABLE signing_keys (
    platform text COLLATE "C" NOT NULL,
    kid text COLLATE "C" NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    alg text COLLATE "C" NOT NULL,
    wrapped bytea NOT NULL,
    public text NOT NULL,
    created_at bigint NOT NULL,
    active_from bigint NOT NULL,
    retires_at bigint,
    gone_at bigint,
    PRIMARY KEY (platform, kid)
);

-- Refusals, one partition a day, named decisions_DAYS (since the epoch); dropped whole.
CREATE TABLE decisions (
    platform text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    cause text NOT NULL,
    document text NOT NULL,
    PRIMARY KEY (platform, id, at)
) PARTITION BY RANGE (at);

CREATE TABLE administrators (
    id text COLLATE "C" PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    digest bytea NOT NULL UNIQUE,
    rights text NOT NULL,
    platform text COLLATE "C",
    created_at bigint NOT NULL,
    expires_at bigint,
    ended_at bigint
);
