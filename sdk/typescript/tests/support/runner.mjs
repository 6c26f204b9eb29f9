// Runs one scenario of sdk/scenarios against the scripted server. A word that it does not know is a failure.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { inspect } from "node:util";
import { FileStore, loopback, Session } from "../../dist/node/index.js";
import { Clock } from "./clock.mjs";
import { expectError, expectRefusal, expectRequests, expectState } from "./expect.mjs";
import { StoreOrders } from "./store-orders.mjs";

const START = Date.parse("2026-01-05T09:00:00Z");
const SESSION_WORDS = new Set(
  ("grant client_id client_secret auth jwk scope resource username password refresh_token access_token key_id key_secret " +
    "assertion_audience extra dpop discover pushed patience timeout store clock_off random origins authorize redirect_uri issuer token_endpoint " +
    "authorization_endpoint device_endpoint revocation_endpoint pushed_endpoint").split(" "),
);

/** A session of the library as a scenario describes it. */
export function sessionOf(given, made, surroundings) {
  for (const word of Object.keys(given)) if (!SESSION_WORDS.has(word)) throw new Error(`unknown setting of a session: ${word}`);
  const at = made.issuer;
  const own = given.issuer !== undefined || given.token_endpoint !== undefined;
  const endpoints = own
    ? {
        issuer: given.issuer,
        tokenEndpoint: given.token_endpoint,
        authorizationEndpoint: given.authorization_endpoint,
        deviceEndpoint: given.device_endpoint,
        revocationEndpoint: given.revocation_endpoint,
        pushedEndpoint: given.pushed_endpoint,
      }
    : given.discover
      ? { issuer: at }
      : {
          tokenEndpoint: `${at}/token`,
          authorizationEndpoint: `${at}/authorize`,
          deviceEndpoint: `${at}/device`,
          revocationEndpoint: `${at}/revoke`,
          pushedEndpoint: `${at}/par`,
        };
  const common = { origins: given.origins, ...surroundings };
  if (given.grant === "api_key")
    return Session.apiKey({ ...common, store: undefined, headers: { "APCA-API-KEY-ID": given.key_id, "APCA-API-SECRET-KEY": given.key_secret } });
  if (given.grant === "access_token") return Session.accessToken({ ...common, store: undefined, accessToken: given.access_token });
  const options = {
    ...common,
    ...endpoints,
    clientId: given.client_id,
    clientSecret: given.client_secret,
    clientAuth: given.auth,
    privateKey: given.jwk,
    scope: given.scope,
    resource: given.resource,
    extra: given.extra,
    assertionAudience: given.assertion_audience,
    authorize: given.authorize,
    dpop: given.dpop,
    pushed: given.pushed,
    patienceMs: given.patience === undefined ? undefined : given.patience * 1000,
    timeoutMs: given.timeout === undefined ? undefined : given.timeout * 1000,
  };
  switch (given.grant) {
    case "client_credentials":
      return Session.clientCredentials(options);
    case "authorization_code":
      return Session.authorizationCode(options);
    case "device":
      return Session.device(options);
    case "password":
      return Session.password({ ...options, username: given.username, password: given.password });
    case "refresh_token":
      return Session.refreshToken({ ...options, refreshToken: given.refresh_token });
    default:
      throw new Error(`unknown grant ${given.grant}`);
  }
}

export class Run {
  #scenario;
  #made;
  #clock;
  #sessions = new Map();
  #events = new Map();
  #said = [];
  #folder;
  #stores;
  #full = { now: false };
  #sleptSeen = 0;
  #inFlight = 0;
  #lastRefusal;
  #onSlept = () => undefined;

  static async of(server, scenario, asked = {}) {
    const run = new Run();
    run.#scenario = scenario;
    run.#made = await server.scenario({ issuer: scenario.issuer ?? {}, now_ms: START, ...asked });
    const off = (scenario.session.clock_off ?? 0) * 1000;
    run.#clock = new Clock(START + off, async (ms) => {
      await run.#made.order("advance", { ms: Math.round(ms) });
      await run.#onSlept();
    });
    run.#folder = mkdtempSync(join(tmpdir(), "mandate-scenario-"));
    run.#stores = new StoreOrders(join(run.#folder, "store"), run.#made, run.#clock.now);
    return run;
  }

  async go() {
    try {
      for (const [index, step] of this.#scenario.steps.entries()) {
        try {
          await this.#step(step);
        } catch (error) {
          error.message = `step ${index + 1} ${JSON.stringify(step).slice(0, 200)}: ${error.message}`;
          throw error;
        }
      }
      await this.#always();
    } finally {
      for (const session of this.#sessions.values()) await session.close();
      await this.#made.order("end");
      rmSync(this.#folder, { recursive: true });
    }
  }

  #session(name = "main", more = {}) {
    let session = this.#sessions.get(name);
    if (!session) {
      const own = { ...this.#scenario.session };
      // The real server's credentials replace the scenario's, also where it has fewer of them.
      if (this.#made.session) for (const word of ["client_id", "client_secret", "username", "password"]) delete own[word];
      const given = { ...own, ...this.#made.session, ...more };
      const events = [];
      this.#events.set(name, events);
      const beforeWrite = () => {
        if (this.#full.now) throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
      };
      session = sessionOf(given, this.#made, {
        fetch: this.#fetch,
        now: this.#clock.now,
        sleep: this.#clock.sleep,
        random: () => given.random ?? 0,
        observer: (event) => {
          events.push(event.name);
          this.#said.push(JSON.stringify(event));
        },
        store: given.store ? new FileStore({ folder: join(this.#folder, "store"), name: "main", beatMs: 50, staleMs: 300, beforeWrite }) : undefined,
      });
      this.#sessions.set(name, session);
    }
    return session;
  }

  /** Real sockets, counted, and watched for tokens that go astray. */
  #fetch = async (input, init) => {
    const headers = new Headers(init?.headers);
    const { hostname, protocol } = new URL(input instanceof Request ? input.url : input);
    if (headers.has("authorization") && protocol === "http:") assert.equal(hostname, "127.0.0.1", "a token goes in plain text to a foreign host");
    this.#inFlight += 1;
    try {
      return await fetch(input, init);
    } finally {
      this.#inFlight -= 1;
    }
  };

  async #step(step) {
    const { session: name, with: more, expect = {}, ...rest } = step;
    const session = () => this.#session(name, more);
    const [word] = Object.keys(rest);
    const value = rest[word];
    switch (word) {
      case "call":
        return this.#call(name, value, expect);
      case "token":
        return this.#expecting(expect, async () => void (await session().token()));
      case "state":
        this.#said.push(inspect(session().state()));
        return expectState(session().state(), value, this.#clock.now());
      case "advance":
        return this.#clock.advance(value * 1000);
      case "fault":
        return void (await this.#made.order("fault", value));
      case "issuer": {
        const { op, ...asked } = value;
        await this.#made.order(op, asked);
        // A restart ends connections. fetch hears of that when the loop turns; before, it would send on one that is closed.
        return void (await turn());
      }
      case "store":
        if (value === "full" || value === "free") return void (this.#full.now = value === "full");
        return this.#stores.order(value);
      case "store_has":
        return this.#stores.has(value);
      case "store_lacks":
        return this.#stores.lacks(value);
      case "login":
        return this.#expecting(expect, () => this.#login(session(), value, rest));
      case "close":
        return session().close();
      case "logout":
        return session().logout();
      case "watch":
        return this.#watch(session(), value);
      case "refusal":
        return expectRefusal(this.#lastRefusal, value);
      case "requests":
        return expectRequests((await this.#made.order("log")).requests, value);
      case "count": {
        const { requests } = await this.#made.order("log");
        for (const [to, n] of Object.entries(value)) assert.equal(requests.filter((request) => request.to === to).length, n, `requests to ${to}`);
        return undefined;
      }
      case "slept": {
        const slept = (this.#clock.slept - this.#sleptSeen) / 1000;
        this.#sleptSeen = this.#clock.slept;
        return assert.ok(slept >= value[0] && slept <= value[1], `slept ${slept} s, not within ${value}`);
      }
      case "events":
        return assert.deepEqual(this.#events.get(name ?? "main").splice(0), value);
      case "events_have": {
        const events = this.#events.get(name ?? "main").splice(0);
        for (const event of value) assert.ok(events.includes(event), `no ${event} among ${events}`);
        return undefined;
      }
      default:
        throw new Error(`unknown step ${word}`);
    }
  }

  async #call(name, call, expect) {
    const { path, method = "GET", body, times = 1, parallel = 1, sessions, stream_body: streams, late = [], ...unknown } = call;
    assert.deepEqual(unknown, {}, "unknown words of a call");
    const one = (who) => this.#expecting(expect, () => this.#once(this.#session(who), `${this.#made.api}${path}`, { method, body, streams }, expect));
    if (late.length > 0) return void (await Promise.all([one(name), this.#passTime(late)]));
    for (let time = 0; time < times; time++)
      await Promise.all(Array.from({ length: parallel }, (_, i) => one(sessions ? sessions[i % sessions.length] : name)));
  }

  /** Lets time pass while requests of a call are on the way. */
  async #passTime(late) {
    for (const seconds of late) {
      const { held } = await this.#made.order("held");
      assert.ok(held, "fewer requests were sent than time was to pass for");
      await this.#clock.advance(seconds * 1000);
      await this.#made.order("let_go");
    }
  }

  async #once(session, url, { method, body, streams }, expect) {
    const sent = body !== undefined && streams ? new Blob([body]).stream() : body;
    const response = await session.fetch(url, { method, body: sent, ...(streams ? { duplex: "half" } : {}) });
    this.#lastRefusal = await session.refusal(response);
    if (expect.check) await session.check(response);
    if (expect.error) return;
    if (expect.status === undefined) assert.ok(response.status < 400, `status ${response.status}`);
    else assert.equal(response.status, expect.status);
    const text = await response.text();
    for (const [member, value] of Object.entries(expect.body ?? {})) assert.deepEqual(JSON.parse(text)[member], value, member);
  }

  async #expecting(expect, doing) {
    for (const word of Object.keys(expect)) if (!["status", "body", "error", "check"].includes(word)) throw new Error(`unknown expectation ${word}`);
    let failed;
    try {
      await doing();
    } catch (error) {
      failed = error;
    }
    if (failed) this.#said.push(inspect(failed, { depth: 9 }), String(failed.stack), JSON.stringify(failed));
    if (expect.error) return expectError(failed, expect.error, this.#clock.now());
    if (failed) throw failed;
  }

  async #login(session, way, { as = "allow", after }) {
    if (way === "device") {
      const device = await session.login.beginDevice();
      const from = this.#clock.slept;
      let given = as === "nobody";
      this.#onSlept = async () => {
        if (given || this.#clock.slept - from < (after ?? 0) * 1000) return;
        given = true;
        await this.#made.order(as === "deny" ? "deny" : "approve");
      };
      this.#said.push(inspect(device), JSON.stringify(device));
      return session.login.finishDevice(device);
    }
    const browse = async (url) => (await fetch(`${url}&as=${as}`, { redirect: "manual" })).headers.get("location");
    if (way === "loopback")
      return loopback(session, {
        open: (url) =>
          void browse(url).then(async (back) => {
            // A stranger knocks first, and one with a wrong state; neither is heard.
            const port = new URL(back).port;
            assert.equal((await fetch(`http://127.0.0.1:${port}/favicon.ico`)).status, 404);
            assert.equal((await fetch(`http://127.0.0.1:${port}/callback?state=other&code=x`)).status, 404);
            await fetch(back);
          }),
      });
    if (way !== "code") throw new Error(`unknown way of signing in ${way}`);
    const { url } = await session.login.begin("http://127.0.0.1:1/callback");
    return session.login.finish(await browse(url));
  }

  /** Reads renewals while the clock goes second by second. */
  async #watch(session, { expect_tokens: expected, during }) {
    this.#clock.watched = true;
    const tokens = [];
    const reading = (async () => {
      for await (const token of session.renewals()) tokens.push(token.text);
    })();
    const calm = async () => {
      for (let turns = 0; turns < 3; ) {
        turns = this.#inFlight === 0 && this.#clock.sleepers > 0 ? turns + 1 : 0;
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await calm();
    for (let second = 0; second < during; second++) {
      await this.#clock.advance(1000);
      await calm();
    }
    this.#clock.watched = false;
    const state = session.state();
    assert.equal(state.kind, "live");
    assert.equal(tokens.length, expected, `${tokens.length} tokens`);
    assert.equal(new Set(tokens).size, expected);
    void reading.catch(() => undefined);
  }

  /** What holds in every scenario, also unsaid. */
  async #always() {
    for (const session of this.#sessions.values()) this.#said.push(inspect(session, { depth: 9, showHidden: true }), JSON.stringify(session), String(session));
    const { secrets } = await this.#made.order("secrets");
    const said = this.#said.join("\n");
    for (const secret of secrets) assert.ok(!said.includes(secret), `a secret was said: ${said.slice(Math.max(0, said.indexOf(secret) - 100)).slice(0, 200)}`);
    const left = this.#stores.left().filter((name) => name.endsWith(".lock") || name.includes(".tmp") || name.includes(".lock."));
    if (!this.#stores.madeLocks) assert.deepEqual(left, []);
  }
}
