-- How often each client uses what OAuth 2.1 no longer has, and since when.
CREATE TABLE legacy_uses (
    platform text COLLATE "C" NOT NULL,
    client text COLLATE "C" NOT NULL,
    what text COLLATE "C" NOT NULL,
    times bigint NOT NULL,
    first_used bigint NOT NULL,
    last_used bigint NOT NULL,
    PRIMARY KEY (platform, client, what)
);
