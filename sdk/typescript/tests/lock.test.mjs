// The lock of STORE.md: many processes, dead holders, dead claimers, descriptors, fencing.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { FileStore, LockTimeout, Misconfigured } from "../dist/node/index.js";
import { Lock, take } from "../dist/node/lock.js";

const RACER = fileURLToPath(new URL("support/racer.mjs", import.meta.url));
const DEAD = "0123456789abcdef0123456789abcdef";
const how = (more = {}) => ({ patience: 5_000, beatMs: 50, staleMs: 300, arrived: () => false, ...more });

function folder(t) {
  const path = mkdtempSync(join(tmpdir(), "mandate-lock-"));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

function deadLock(path, more = {}) {
  const json = JSON.stringify({ version: 1, id: DEAD, pid: 999999, beat_ms: 50, stale_ms: 300, beat: "0000000000000007", ...more });
  writeFileSync(path, `${json.padEnd(255)}\n`, { mode: 0o600 });
}

const parsed = (path) => JSON.parse(readFileSync(path, "utf8"));

/** Starts children at once; answers what they wrote. All must end well. */
async function race(t, children, rounds, prepare, every = 0) {
  const at = folder(t);
  const [path, log, start] = ["main.lock", "log", "start"].map((name) => join(at, name));
  writeFileSync(log, "");
  for (let round = 0; round < (every ? rounds : 1); round++) prepare?.(every ? join(at, `${round}-main.lock`) : path);
  const ends = Array.from({ length: children }, () => {
    const child = spawn(process.execPath, [RACER, path, String(rounds), log, start, String(every)], { stdio: ["ignore", "inherit", "inherit"] });
    return new Promise((resolve) => child.once("exit", resolve));
  });
  await pause(500);
  writeFileSync(start, "");
  assert.deepEqual(await Promise.all(ends), Array(children).fill(0), "two held the lock at once");
  assert.deepEqual(readdirSync(at).sort(), ["log", "start"], "something is left over");
  return readFileSync(log, "utf8").trim().split("\n").map((line) => JSON.parse(line));
}

test("eight processes race for the locks of twelve dead ones: exactly one takes each over", async (t) => {
  const held = await race(t, 8, 12, deadLock, 500);
  assert.equal(held.length, 96);
  for (let round = 0; round < 12; round++) assert.equal(held.filter((one) => one.round === round && one.tookOver).length, 1, `lock ${round}`);
});

test("the same with a claim of a dead claimer: exactly one has the next number", async (t) => {
  const held = await race(t, 8, 1, (path) => {
    deadLock(path);
    writeFileSync(`${path}.${DEAD}.1`, "");
    const long = Date.now() / 1000 - 120;
    utimesSync(`${path}.${DEAD}.1`, long, long);
  });
  assert.equal(held.filter(({ tookOver }) => tookOver).length, 1);
});

test("six processes take turns, twenty times each, and never two at once", async (t) => {
  const held = await race(t, 6, 20);
  assert.equal(held.length, 120);
  assert.equal(held.filter(({ tookOver }) => tookOver).length, 0, "a living holder was replaced");
});

test("a lock is 256 bytes, one line, mode 0600, and beats", async (t) => {
  const path = join(folder(t), "main.lock");
  const lock = await take(path, how());
  const text = readFileSync(path, "latin1");
  assert.equal(text.length, 256);
  assert.match(text, /^\{[^\n]*\} *\n$/);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual({ ...parsed(path), id: "" }, { version: 1, id: "", pid: process.pid, beat_ms: 50, stale_ms: 300, beat: "0000000000000000" });
  assert.match(lock.id, /^[0-9a-f]{32}$/);
  lock.beat();
  await lock.release();
  assert.ok(!existsSync(path));
});

test("a heartbeat goes through the descriptor: the lock of a successor stays untouched", async (t) => {
  const path = join(folder(t), "main.lock");
  const old = await Lock.create(path, 10, 300);
  const successor = `${path}.successor`;
  deadLock(successor);
  const before = readFileSync(successor, "latin1");
  renameSync(successor, path);
  for (let i = 0; i < 5; i++) old.beat();
  await pause(60);
  assert.equal(readFileSync(path, "latin1"), before);
  assert.equal(await old.holds(), false);
  await old.release();
  assert.equal(readFileSync(path, "latin1"), before, "a lock of another is not removed");
});

test("a lock that beats is not taken over, whoever waits gives up with patience", async (t) => {
  const path = join(folder(t), "main.lock");
  const lock = await take(path, how());
  const began = performance.now();
  await assert.rejects(take(path, how({ patience: 700 })), LockTimeout);
  assert.ok(performance.now() - began >= 690);
  assert.equal(await lock.holds(), true);
  await lock.release();
});

test("waiting ends when what was waited for has arrived", async (t) => {
  const path = join(folder(t), "main.lock");
  const lock = await take(path, how());
  let looks = 0;
  assert.equal(await take(path, how({ arrived: () => ++looks === 3 })), undefined);
  assert.equal(await lock.holds(), true);
  await lock.release();
});

test("staleness is the holder's own, within bounds", async (t) => {
  const path = join(folder(t), "main.lock");
  deadLock(path, { stale_ms: 1 });
  let age;
  const lock = await take(path, how({ takenOver: (ms) => (age = ms) }));
  assert.ok(age >= 100 && age < 300, `${age}`);
  await lock.release();
});

test("what a dead holder was writing goes with its lock", async (t) => {
  const at = folder(t);
  deadLock(join(at, "main.lock"));
  for (const id of [DEAD, "another"]) writeFileSync(join(at, `main.json.${id}.tmp`), "{");
  await (await take(join(at, "main.lock"), how())).release();
  assert.deepEqual(readdirSync(at), ["main.json.another.tmp"]);
});

test("what cannot be read as a lock is a lock of five seconds", async (t) => {
  const path = join(folder(t), "main.lock");
  writeFileSync(path, "x".repeat(300));
  await assert.rejects(take(path, how({ patience: 500 })), LockTimeout);
  let age;
  const lock = await take(path, how({ patience: 10_000, takenOver: (ms) => (age = ms) }));
  assert.ok(age >= 5_000);
  await lock.release();
});

test("claims and temporary files older than a minute are swept away, younger ones stay", async (t) => {
  const at = folder(t);
  const path = join(at, "main.lock");
  const names = [`main.lock.${DEAD}.1`, `main.lock.${DEAD}.tmp`, `main.json.${DEAD}.tmp`, `main.lock.${DEAD}.2`, "other.json.x.tmp", "main.json.corrupt"];
  for (const name of names) writeFileSync(join(at, name), "");
  const long = Date.now() / 1000 - 61;
  for (const name of names.filter((name) => !name.endsWith(".2"))) utimesSync(join(at, name), long, long);
  await (await take(path, how())).release();
  assert.deepEqual(readdirSync(at).sort(), ["main.json.corrupt", `main.lock.${DEAD}.2`, "other.json.x.tmp"]);
});

test("fencing: whoever lost the lock leaves a newer generation alone, and overwrites an older one", async (t) => {
  const at = join(folder(t), "store");
  const store = new FileStore({ folder: at, name: "main", beatMs: 50, staleMs: 300 });
  const lock = await store.lock({ patience: 1_000, arrived: () => false });
  assert.equal(await lock.write("first", () => true), true, "who holds the lock writes");
  rmSync(join(at, "main.lock"));
  deadLock(join(at, "main.lock"));
  writeFileSync(join(at, "main.json"), "newer", { mode: 0o600 });
  assert.equal(await lock.write("mine", (text) => text === "newer"), false);
  assert.equal(store.read(), "newer");
  assert.equal(await lock.write("mine", () => false), true);
  assert.equal(store.read(), "mine");
  await lock.release();
  assert.equal(parsed(join(at, "main.lock")).id, DEAD);
});

test("folder 0700, files 0600; what others may write to is refused", async (t) => {
  const at = join(folder(t), "a", "store");
  const store = new FileStore({ folder: at });
  const lock = await store.lock({ patience: 1_000, arrived: () => false });
  await lock.write("x", () => false);
  await lock.release();
  assert.equal(statSync(at).mode & 0o777, 0o700);
  assert.equal(statSync(join(at, "session.json")).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(at), ["session.json"]);
  chmodSync(join(at, "session.json"), 0o622);
  assert.throws(() => store.read(), Misconfigured);
  chmodSync(join(at, "session.json"), 0o600);
  chmodSync(at, 0o770);
  assert.throws(() => store.read(), Misconfigured);
  await assert.rejects(store.lock({ patience: 1_000, arrived: () => false }), Misconfigured);
});

test("names of stores are checked", () => {
  for (const name of ["", "-x", "A", "a/b", "..", "x".repeat(65)]) assert.throws(() => new FileStore({ folder: "x", name }), Misconfigured);
  new FileStore({ folder: "x", name: "0a._-" });
});
