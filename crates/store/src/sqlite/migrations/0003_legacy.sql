-- How often each client uses what OAuth 2.1 no longer has, and since when.
CREATE TABLE legacy_uses (
    platform TEXT NOT NULL,
    client TEXT NOT NULL,
    what TEXT NOT NULL,
    times INTEGER NOT NULL,
    first_used INTEGER NOT NULL,
    last_used INTEGER NOT NULL,
    PRIMARY KEY (platform, client, what)
) WITHOUT ROWID;
