// Sessions over a file store: what they do while others hold its lock, and with what others wrote.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Closed, FileStore, Misconfigured, NeedsLogin, Session, Unavailable } from "../dist/node/index.js";
import { NOW, surroundings, TOKEN } from "./support/issuer.mjs";

function folder(t) {
  const path = mkdtempSync(join(tmpdir(), "mandate-store-"));
  t.after(() => rmSync(path, { recursive: true }));
  return join(path, "store");
}

const files = (at) => new FileStore({ folder: at, name: "main", beatMs: 50, staleMs: 300 });
const holding = (at) => files(at).lock({ patience: 1_000, arrived: () => false });
const read = (at) => JSON.parse(readFileSync(join(at, "main.json"), "utf8"));

test("while the token is good, nobody waits for a lock that another holds", async (t) => {
  const at = folder(t);
  const { options, clock, to } = surroundings();
  const session = Session.clientCredentials({ ...options, store: files(at) });
  await session.token();
  const lock = await holding(at);
  await clock.advance(541_000);
  const began = performance.now();
  for (let i = 0; i < 3; i++) assert.equal((await session.token()).text, "t1");
  assert.ok(performance.now() - began < 150, "the calls were delayed");
  assert.equal(to(TOKEN).length, 1);
  await lock.release();
  await session.close();
});

test("whoever needs a token waits for the lock, and takes what its holder wrote", async (t) => {
  const at = folder(t);
  const { options, clock, to } = surroundings();
  const first = Session.clientCredentials({ ...options, store: files(at) });
  await first.token();
  const lock = await holding(at);
  await clock.advance(600_000);
  const waiting = [first.token(), Session.clientCredentials({ ...options, store: files(at) }).token()];
  const held = read(at);
  await lock.write(JSON.stringify({ ...held, generation: 2, access_token: "other", sent_at: clock.now(), ends_at: clock.now() + 9e5, renew_at: clock.now() + 8e5, usable_until: clock.now() + 8.9e5 }), () => false);
  for (const token of await Promise.all(waiting)) assert.equal(token.text, "other");
  assert.equal(to(TOKEN).length, 1);
  await lock.release();
});

test("a lock that is held too long is Unavailable, and closing does not wait for it", async (t) => {
  const at = folder(t);
  const { options } = surroundings();
  const lock = await holding(at);
  await assert.rejects(Session.clientCredentials({ ...options, store: files(at), patienceMs: 200 }).token(), Unavailable);
  const session = Session.clientCredentials({ ...options, store: files(at) });
  const waiting = session.token();
  await new Promise((resolve) => setTimeout(resolve, 50));
  const began = performance.now();
  await session.close();
  await assert.rejects(waiting, Closed);
  assert.ok(performance.now() - began < 500, "closing waited for the lock");
  await lock.release();
});

test("members of other versions stay, and the seed is that of the given refresh token", async (t) => {
  const at = folder(t);
  const { options, clock } = surroundings();
  const make = (refreshToken) => Session.refreshToken({ ...options, store: files(at), refreshToken });
  await make("given").token();
  const held = read(at);
  assert.match(held.seed, /^[0-9a-f]{16}$/);
  writeFileSync(join(at, "main.json"), JSON.stringify({ ...held, colour: "blue" }));
  await clock.advance(601_000);
  await make("given").token();
  assert.deepEqual([read(at).colour, read(at).generation, read(at).seed], ["blue", 2, held.seed]);
});

test("a refresh token that was given anew is used, whatever lies in the store", async (t) => {
  const at = folder(t);
  const { options, to } = surroundings();
  const make = (refreshToken) => Session.refreshToken({ ...options, store: files(at), refreshToken });
  await make("old").token();
  assert.equal((await make("new").token()).text, "t2");
  const sent = to(TOKEN).map(({ init }) => new URLSearchParams(init.body).get("refresh_token"));
  assert.deepEqual(sent, ["old", "new"]);
  assert.equal((await make("new").token()).text, "t2");
  assert.equal(to(TOKEN).length, 2);
});

test("a dead refresh token is not sent again by the next program, which says why", async (t) => {
  const at = folder(t);
  const { options, to } = surroundings((url) => (url.href === TOKEN ? Response.json({ error: "invalid_grant" }, { status: 400 }) : undefined));
  const make = () => Session.refreshToken({ ...options, store: files(at), refreshToken: "given" });
  await assert.rejects(make().token(), { reason: "grant_ended" });
  await assert.rejects(make().token(), (error) => error instanceof NeedsLogin && error.reason === "grant_ended");
  assert.equal(to(TOKEN).length, 1);
  assert.equal(read(at).refresh_token, null);
});

test("a state asked for before the first call sees what another program stored", async (t) => {
  const at = folder(t);
  const { options } = surroundings();
  await Session.clientCredentials({ ...options, store: files(at) }).token();
  const session = Session.clientCredentials({ ...options, store: files(at) });
  assert.deepEqual(await session.look(), { kind: "live", endsAt: NOW + 600_000 });
  await assert.rejects(Session.clientCredentials({ ...options, clientId: "other", store: files(at) }).look(), Misconfigured);
});

test("a corrupt file is put aside by who holds the lock", async (t) => {
  const at = folder(t);
  const { options } = surroundings();
  await Session.clientCredentials({ ...options, store: files(at) }).token();
  writeFileSync(join(at, "main.json"), '{"version": 1, "own');
  await Session.clientCredentials({ ...options, store: files(at) }).token();
  assert.equal(read(at).access_token, "t2");
  assert.equal(readFileSync(join(at, "main.json.corrupt"), "utf8"), '{"version": 1, "own');
});

test("a folder that cannot be written: the session lives in memory, and says so", async (t) => {
  const file = `${folder(t)}-file`;
  writeFileSync(file, "");
  const { options } = surroundings();
  const events = [];
  const store = files(join(file, "store"));
  const session = Session.clientCredentials({ ...options, store, observer: ({ name }) => events.push(name) });
  assert.equal((await session.token()).text, "t1");
  assert.ok(events.includes("store_failed") && events.includes("renewed"), String(events));
});
