-- Machines sign on with name and password; `sessions` is how many sign-ons one may have at once.
ALTER TABLE users ADD COLUMN kind text NOT NULL DEFAULT 'person';
ALTER TABLE users ADD COLUMN sessions bigint;

-- From a displaced sign-on to the chain that took its place.
ALTER TABLE chains ADD COLUMN successor text COLLATE "C";
CREATE INDEX chains_successor ON chains (platform, successor) WHERE successor IS NOT NULL;
