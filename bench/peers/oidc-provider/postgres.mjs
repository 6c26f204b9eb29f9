// A storage adapter of oidc-provider on PostgreSQL: one row per artefact, each write a transaction of its own.
// The library's contract names these methods; issuing by client_credentials uses `upsert` only.

import pg from 'pg';

const TABLE = `CREATE TABLE IF NOT EXISTS artefact (
  kind text NOT NULL, id text NOT NULL, grant_id text, uid text, user_code text,
  payload jsonb NOT NULL, consumed_at timestamptz, expires_at timestamptz,
  PRIMARY KEY (kind, id)
)`;

const UPSERT = `INSERT INTO artefact (kind, id, grant_id, uid, user_code, payload, expires_at)
  VALUES ($1, $2, $3, $4, $5, $6, now() + $7 * interval '1 second')
  ON CONFLICT (kind, id) DO UPDATE SET payload = excluded.payload, expires_at = excluded.expires_at`;

export async function open(connectionString) {
  const pool = new pg.Pool({ connectionString, max: 16 });
  await pool.query(TABLE);

  return class PostgresAdapter {
    constructor(kind) {
      this.kind = kind;
    }

    async upsert(id, payload, expiresIn) {
      const values = [this.kind, id, payload.grantId, payload.uid, payload.userCode, payload, expiresIn];
      await pool.query({ name: 'upsert', text: UPSERT, values });
    }

    find(id) {
      return this.read('id', id);
    }

    findByUid(uid) {
      return this.read('uid', uid);
    }

    findByUserCode(code) {
      return this.read('user_code', code);
    }

    async read(column, value) {
      const text = `SELECT payload, consumed_at FROM artefact
        WHERE kind = $1 AND ${column} = $2 AND expires_at > now()`;
      const { rows: [row] } = await pool.query({ name: `read ${column}`, text, values: [this.kind, value] });
      return row && { ...row.payload, ...(row.consumed_at && { consumed: true }) };
    }

    async consume(id) {
      await pool.query('UPDATE artefact SET consumed_at = now() WHERE kind = $1 AND id = $2', [this.kind, id]);
    }

    async destroy(id) {
      await pool.query('DELETE FROM artefact WHERE kind = $1 AND id = $2', [this.kind, id]);
    }

    async revokeByGrantId(grant) {
      await pool.query('DELETE FROM artefact WHERE kind = $1 AND grant_id = $2', [this.kind, grant]);
    }
  };
}
