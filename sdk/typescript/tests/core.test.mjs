// The core without I/O: states, what is taken from a store, what is written to it. Runs in Deno too.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Core, Held } from "../dist/core/core.js";
import { formatStored, parseStored } from "../dist/core/stored.js";
import { needOf } from "../dist/wire/verdict.js";

const NOW = 1_767_603_600_000;
const OWNER = "a".repeat(64);
const granted = (more = {}) => ({ accessToken: "t1", type: "Bearer", lifetime: 600, refreshIn: undefined, refreshToken: "r1", scope: undefined, ...more });
const stored = (more = {}) => ({ ...parseStored(JSON.stringify({ version: 1, owner: OWNER, generation: 5, access_token: "t9", refresh_token: "r9", sent_at: NOW, ends_at: NOW + 600_000, renew_at: NOW + 540_000, usable_until: NOW + 595_000 })), ...more });

test("phases follow the windows to the millisecond", () => {
  const core = new Core("refresh_token", undefined, { refreshToken: "r0" });
  core.granted(granted(), NOW, 0);
  assert.equal(core.phase(NOW + 539_999), "use");
  assert.equal(core.phase(NOW + 540_000), "early");
  assert.equal(core.phase(NOW + 594_999), "early");
  assert.equal(core.phase(NOW + 595_000), "must");
  assert.deepEqual(core.state(NOW), { kind: "live", endsAt: NOW + 600_000 });
  assert.deepEqual(core.state(NOW + 595_000), { kind: "idle" });
});

test("a failure is waited for by all, success forgets it", () => {
  const core = new Core("client_credentials", undefined);
  core.failed("status 503", undefined, NOW, 0);
  assert.equal(core.wait(NOW), 250);
  assert.equal(core.state(NOW).kind, "waiting");
  core.failed("status 503", 600_000, NOW, 0);
  assert.equal(core.wait(NOW), 600_000);
  assert.equal(core.state(NOW + 600_000).kind, "idle");
  core.granted(granted(), NOW, 0);
  assert.deepEqual([core.failures, core.notBefore, core.state(NOW).kind], [0, undefined, "live"]);
});

test("a live token with a failed early renewal is live", () => {
  const core = new Core("client_credentials", undefined);
  core.granted(granted({ refreshToken: undefined }), NOW, 0);
  core.failed("status 503", undefined, NOW + 541_000, 0);
  core.needs(needOf("client_refused"), NOW + 541_000);
  assert.equal(core.state(NOW + 541_000).kind, "live");
});

test("a clock set back by a day does not make a wait of a day", () => {
  const core = new Core("client_credentials", undefined);
  core.failed("status 503", undefined, NOW, 0);
  assert.equal(core.wait(NOW - 86_400_000), 0);
});

test("a refused client may be tried again after a minute, also when the clock was set back", () => {
  const core = new Core("client_credentials", undefined);
  core.needs(needOf("client_refused"), NOW);
  assert.equal(core.standing(NOW + 59_999)?.reason, "client_refused");
  assert.equal(core.standing(NOW + 60_000), undefined);
  core.needs(needOf("client_refused"), NOW);
  assert.equal(core.standing(NOW - 3_600_000), undefined);
  core.needs(needOf("displaced"), NOW);
  assert.equal(core.standing(NOW + 1e9)?.reason, "displaced");
});

test("what another process renewed is taken, with all that belongs to it", () => {
  const core = new Core("refresh_token", undefined, { refreshToken: "r0" });
  core.needs(needOf("grant_ended"), NOW);
  assert.equal(core.adopt(stored({ skew: 300_000 }), NOW), true);
  assert.deepEqual([core.token.text, core.refreshToken, core.generation, core.skew], ["t9", "r9", 5, 300_000]);
  assert.equal(core.state(NOW).kind, "live");
  assert.equal(core.adopt(stored(), NOW), false, "the same is no news");
});

test("a token that is over, or was refused, is not taken; its refresh token is", () => {
  const core = new Core("refresh_token", undefined, { refreshToken: "r0" });
  assert.equal(core.adopt(stored({ usableUntil: NOW }), NOW), false);
  assert.equal(core.refreshToken, "r9");
  core.refuseToken("t10");
  assert.equal(core.adopt(stored({ generation: 6, accessToken: "t10" }), NOW), false);
});

test("a dead refresh token does not come back from the store", () => {
  const core = new Core("refresh_token", undefined, { refreshToken: "r9" });
  core.refuseRefresh();
  core.adopt(stored({ accessToken: undefined }), NOW);
  assert.equal(core.refreshToken, undefined);
});

test("what could not be written is newer than the store", () => {
  const core = new Core("refresh_token", undefined, { refreshToken: "r0" });
  core.adopt(stored(), NOW);
  core.granted(granted({ accessToken: "t10", refreshToken: "r10" }), NOW, 0);
  core.generation = 6;
  core.unsaved = true;
  assert.equal(core.adopt(stored({ accessToken: undefined }), NOW), false);
  assert.equal(core.refreshToken, "r10");
});

test("another given refresh token than the store's seed counts, at the first look alone", () => {
  const core = new Core("refresh_token", undefined, { refreshToken: "new" });
  core.seed = "1111111111111111";
  assert.equal(core.adopt(stored({ seed: "2222222222222222" }), NOW), false);
  assert.deepEqual([core.refreshToken, core.generation], ["new", 5]);
  assert.equal(core.snapshot(OWNER).seed, "1111111111111111");
  assert.equal(core.adopt(stored({ seed: "3333333333333333", generation: 7 }), NOW), true);
  assert.equal(core.refreshToken, "r9");
});

test("the refused token is not written for others", () => {
  const core = new Core("refresh_token", undefined, { refreshToken: "r0" });
  core.granted(granted(), NOW, 0);
  core.refuseToken("t1");
  assert.equal(core.snapshot(OWNER).accessToken, undefined);
});

test("what is written reads back, and strangers' members stay", () => {
  const core = new Core("refresh_token", "read", { refreshToken: "r0" });
  core.adopt(stored({ unknown: { colour: "blue" } }), NOW);
  core.granted(granted(), NOW + 0.4, 0.3);
  const text = formatStored(core.snapshot(OWNER));
  const json = JSON.parse(text);
  assert.deepEqual([json.version, json.generation, json.colour, json.sent_at, json.token_type, json.not_before], [1, 6, "blue", NOW, "Bearer", null]);
  const back = parseStored(text);
  assert.deepEqual([back.accessToken, back.refreshToken, back.usableUntil], ["t1", "r1", NOW + 595_000]);
});

for (const text of ["", "{", "[]", "null", "7", "{}", '{"version":2,"owner":"x","generation":1}', '{"version":1,"owner":"x"}', '{"version":1,"owner":"x","generation":1,"ends_at":"soon"}'])
  test(`cannot be read as a store: ${text}`, () => assert.equal(parseStored(text), undefined));

test("the owner's digest is that of STORE.md", async () => {
  const { Renewer } = await import("../dist/renewer.js");
  const { Settings } = await import("../dist/settings.js");
  const settings = new Settings("client_credentials", { tokenEndpoint: "https://issuer.example/token", clientId: "app", scope: "write read" }, {});
  assert.equal(await new Renewer(settings).keeper.owner(), "564e8affa87c50a6ddf27b00e9abb678787aa0e8deb3800a08eeff4eeb23c714");
});

test("a given token is used to its very end", () => {
  const core = new Core("access_token", undefined, { accessToken: new Held("t", "Bearer", undefined, NOW, { endsAt: NOW + 1000, usableUntil: NOW + 1000 }) });
  assert.equal(core.phase(NOW + 999), "use");
  assert.equal(core.phase(NOW + 1000), "must");
});
