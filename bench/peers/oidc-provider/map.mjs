// The least storage adapter of oidc-provider: a Map that forgets nothing until the program ends.

const kept = new Map();

export class MapAdapter {
  constructor(kind) {
    this.kind = kind;
  }

  async upsert(id, payload) {
    kept.set(`${this.kind}:${id}`, payload);
  }

  async find(id) {
    return kept.get(`${this.kind}:${id}`);
  }

  async consume(id) {
    const payload = await this.find(id);
    if (payload) payload.consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    kept.delete(`${this.kind}:${id}`);
  }

  async revokeByGrantId(grantId) {
    for (const [id, payload] of kept) if (payload.grantId === grantId) kept.delete(id);
  }
}
