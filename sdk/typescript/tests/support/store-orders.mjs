// What scenarios do to a file store behind the session's back.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export class StoreOrders {
  madeLocks = false;

  constructor(folder, made, now) {
    this.folder = folder;
    this.made = made;
    this.now = now;
    this.json = join(folder, "main.json");
    this.lock = join(folder, "main.lock");
  }

  read() {
    return JSON.parse(readFileSync(this.json, "utf8"));
  }

  left() {
    return existsSync(this.folder) ? readdirSync(this.folder) : [];
  }

  async order(word) {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const write = (path, text) => writeFileSync(path, text, { mode: 0o600 });
    switch (word) {
      case "corrupt":
        return truncateSync(this.json, Math.floor(statSync(this.json).size / 2));
      case "empty":
        return truncateSync(this.json, 0);
      case "remove":
        return rmSync(this.json);
      case "remove_lock":
        return rmSync(this.lock);
      case "dead_lock":
      case "dead_claim": {
        const id = "0123456789abcdef0123456789abcdef";
        const json = JSON.stringify({ version: 1, id, pid: 999999, beat_ms: 50, stale_ms: 300, beat: "0000000000000007" });
        write(this.lock, `${json.padEnd(255)}\n`);
        if (word === "dead_claim") {
          write(`${this.lock}.${id}.1`, "");
          this.madeLocks = true;
        }
        return undefined;
      }
      case "foreign":
        return write(this.json, JSON.stringify({ version: 1, owner: "0".repeat(64), generation: 1, access_token: "foreign", token_type: "Bearer", sent_at: this.now(), ends_at: null }));
      case "other_process_renewed": {
        const held = this.read();
        const body = new URLSearchParams({ grant_type: "refresh_token", refresh_token: held.refresh_token });
        const headers = { authorization: `Basic ${btoa("app:s3cret")}` };
        const answer = await (await fetch(`${this.made.issuer}/token`, { method: "POST", body, headers })).json();
        const sent = this.now();
        const end = sent + answer.expires_in * 1000;
        return write(
          this.json,
          JSON.stringify({
            ...held,
            generation: held.generation + 1,
            access_token: answer.access_token,
            refresh_token: answer.refresh_token ?? held.refresh_token,
            sent_at: sent,
            ends_at: end,
            renew_at: end - 60_000,
            usable_until: end - 5_000,
          }),
        );
      }
      default:
        throw new Error(`unknown order for the store: ${word}`);
    }
  }

  has(wanted) {
    const held = this.read();
    for (const [member, value] of Object.entries(wanted)) {
      if (value === "*") assert.ok(held[member] !== undefined && held[member] !== null, `${member} is absent`);
      else assert.deepEqual(held[member], value, member);
    }
  }

  lacks(names) {
    for (const name of names) {
      if (name !== "lock" && name !== "file") throw new Error(`unknown file ${name}`);
      assert.ok(!existsSync(name === "lock" ? this.lock : this.json), `the ${name} is there`);
    }
  }
}
