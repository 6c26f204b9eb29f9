// Scenarios against issuers of other makes, and the real one, in real time. Needs MANDATE_PEERS (the line of peers/start.py in a
// file), or MANDATE_BIN to start them here.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expectState } from "./support/expect.mjs";
import { sessionOf } from "./support/runner.mjs";
import { SCENARIOS, started } from "./support/server.mjs";

const BROWSER = fileURLToPath(new URL("peers/browser.py", SCENARIOS));
const CALLBACK = "http://127.0.0.1:9/callback";
const run = promisify(execFile);

async function login(session, peer, given) {
  const who = peer.user ? ["--name", peer.user.name, "--password", peer.user.password] : [];
  if (given.grant === "device") {
    const device = await session.login.beginDevice();
    await run("python3", [BROWSER, device.verificationUriComplete, CALLBACK, ...who, "--device"]);
    return session.login.finishDevice(device);
  }
  const callback = given.redirect_uri ?? CALLBACK;
  const { url } = await session.login.begin(callback);
  const { stdout } = await run("python3", [BROWSER, url, callback, ...who]);
  return session.login.finish(stdout.trim());
}

async function step(session, peer, given, { expect = {}, ...rest }) {
  const [word] = Object.keys(rest);
  const value = rest[word];
  switch (word) {
    case "call": {
      const url = peer.api + (peer.path ?? value.path);
      const answers = await Promise.all(Array.from({ length: value.parallel ?? 1 }, () => session.fetch(url)));
      for (const answer of answers) assert.equal(answer.status, expect.status ?? 200, await answer.text());
      return;
    }
    case "state":
      return expectState(session.state(), value, Date.now());
    case "logout":
      return session.logout();
    case "wait":
      return pause(value * 1000);
    case "peer_advance": {
      const headers = { "content-type": "application/json", authorization: `Bearer ${peer.clock_token}` };
      const answer = await fetch(peer.clock, { method: "POST", headers, body: JSON.stringify({ advance_s: value }) });
      return assert.equal(answer.status, 200);
    }
    case "login":
      assert.equal(value, "browser");
      return login(session, peer, given);
    default:
      throw new Error(`unknown step ${word}`);
  }
}

if (process.env.MANDATE_PEERS || process.env.MANDATE_BIN)
  describe("servers of other makes", { concurrency: 1 }, () => {
    let peers, server;
    before(async () => {
      if (process.env.MANDATE_PEERS) peers = JSON.parse(readFileSync(process.env.MANDATE_PEERS, "utf8"));
      else ({ said: peers } = server = await started("peers/start.py"));
    });
    after(() => server?.stop());
    for (const scenario of JSON.parse(readFileSync(new URL("peers/scenarios.json", SCENARIOS), "utf8")).scenarios)
      test(`peers/${scenario.name}`, { timeout: 120_000 }, async () => {
        const peer = peers[scenario.peer];
        const given = peer.sessions[scenario.use];
        const session = sessionOf(given, { issuer: given.issuer }, {});
        for (const one of scenario.steps) await step(session, peer, given, one);
        await session.close();
      });
  });
