// A week of a program's life in a minute: at least 100,000 calls against an issuer that has all the faults there are,
// over one store shared by four sessions. MANDATE_WEEK_SEED repeats a week.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryStore, Session, Unavailable } from "../dist/index.js";
import { Clock } from "./support/clock.mjs";

const seed = Number(process.env.MANDATE_WEEK_SEED ?? Math.floor(Math.random() * 2 ** 31));
const CALLS = 100_000;
const WEEK = 7 * 86_400_000;
const TOKEN = "https://issuer.example/token";

/** mulberry32: small, and the same everywhere. */
function randomOf(start) {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A strict API and an issuer that repeats a lost answer, with a clock of their own. */
class World {
  requests = 0;
  expired = 0;
  lost = 0;
  #chain = { current: "r0", previous: undefined };
  #ends = new Map();
  #burst = 0;
  #made = 0;

  constructor(random, clock) {
    this.random = random;
    this.clock = clock;
    // The issuer's time, whatever the program believes.
    this.ahead = 47_000;
  }

  now = () => this.clock.ms + this.ahead;

  #answer(status, body, headers = {}) {
    return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json", date: new Date(this.now()).toUTCString(), ...headers } });
  }

  fetch = async (input, init) => {
    const draw = this.random();
    if (input !== TOKEN) {
      const token = new Headers(init.headers).get("authorization")?.slice(7);
      const end = this.#ends.get(token);
      if (end === undefined) return this.#answer(401, { message: "unknown token" });
      if (this.now() >= end) {
        this.expired += 1;
        return this.#answer(401, { message: "token expired" });
      }
      return this.#answer(200, {});
    }
    this.requests += 1;
    if (this.#burst > 0 || draw < 0.01) {
      this.#burst = this.#burst > 0 ? this.#burst - 1 : 1 + Math.floor(this.random() * 4);
      return this.#answer(429, { error: "temporarily_unavailable" }, draw < 0.5 ? { "retry-after": "2" } : {});
    }
    if (draw < 0.06) return this.#answer(503, { error: "temporarily_unavailable" });
    if (draw < 0.07) throw Object.assign(new TypeError("fetch failed"), { cause: { code: "ECONNREFUSED" } });
    const given = new URLSearchParams(init.body).get("refresh_token");
    if (given === this.#chain.current) this.#chain = { current: `r${++this.#made}`, previous: given };
    else if (given !== this.#chain.previous) return this.#answer(400, { error: "invalid_grant" });
    const token = `t${++this.#made}`;
    this.#ends.set(token, this.now() + 300_000);
    if (draw < 0.09) {
      this.lost += 1;
      throw Object.assign(new TypeError("fetch failed"), { cause: { code: "ECONNRESET" } });
    }
    if (draw < 0.095) return new Response('{"access_token": "half', { status: 200 });
    return this.#answer(200, { access_token: token, expires_in: "300", refresh_token: this.#chain.current });
  };
}

test(`a week of ${CALLS} calls, seed ${seed}`, { timeout: 120_000 }, async () => {
  console.log(`# MANDATE_WEEK_SEED=${seed}`);
  const random = randomOf(seed);
  const clock = new Clock(Date.parse("2026-01-05T09:00:00Z"));
  const world = new World(random, clock);
  const store = new MemoryStore();
  const events = {};
  const sessions = Array.from({ length: 4 }, () =>
    Session.refreshToken({
      tokenEndpoint: TOKEN, clientId: "app", clientSecret: "s3cret", refreshToken: "r0", store,
      fetch: world.fetch, now: clock.now, sleep: clock.sleep, random,
      observer: ({ name }) => (events[name] = (events[name] ?? 0) + 1),
    }),
  );
  const end = clock.ms + WEEK;
  const spread = (2 * WEEK) / CALLS;
  let made = 0;
  let away = 0;
  let corrected = 0;
  let awake = 0;
  while (clock.ms < end || made < CALLS) {
    await clock.advance(random() * spread * 0.98);
    if (corrected === 0 && made >= CALLS / 2) {
      corrected = 1;
      // Somebody sets the program's clock right: it had been 47 s behind.
      clock.ms += 47_000;
      world.ahead = 0;
    }
    // A younger token would seem to come from the future, and be replaced before anybody refuses it.
    const left = sessions.map((each) => each.state().endsAt - clock.ms);
    if (corrected === 1 && made >= CALLS * 0.75 && left.every((ms) => ms > 70_000 && ms < 195_000)) {
      corrected = 2;
      // And somebody sets it back by 90 s: the end of the token that is held lies too late now.
      clock.ms -= 90_000;
      world.ahead = 90_000;
      // That is felt between the end of the token and the renewal: the program is there to feel it.
      awake = clock.ms + 300_000;
    }
    const session = sessions[made % sessions.length];
    // Now and then a program is busy elsewhere, or asleep.
    if (random() < 0.0002 && clock.ms >= awake) await clock.advance(random() * 600_000);
    const many = random() < 0.01 ? 8 : 1;
    const calls = Array.from({ length: many }, () => session.fetch("https://api.example/data"));
    const answers = await Promise.all(calls).catch((error) => {
      // Faults may last longer than a caller's patience; then it is told so, and when to come again.
      if (!(error instanceof Unavailable) || clock.ms > error.retryAt) throw error;
      away += 1;
      return [];
    });
    for (const answer of answers) assert.equal(answer.status, 200, `call ${made} at ${new Date(clock.ms).toISOString()}`);
    made += many;
  }
  console.log(`# ${made} calls, ${world.requests} token requests, ${world.lost} lost answers, ${world.expired} refused once and sent again, ${away} times away for more than a minute, events ${JSON.stringify(events)}`);
  assert.ok(made >= CALLS && corrected === 2);
  assert.ok(away <= 5, `${away} calls gave up`);
  assert.ok(world.lost > 10 && events.failed > 50, "the faults were there");
  // A token of 300 s serves at least 240 s of a week's 604,800; failed and lost requests come on top.
  assert.ok(world.requests < 1.35 * (WEEK / 240_000), `${world.requests} token requests`);
  assert.ok(world.expired > 0, "the clock that was set back was felt, by the session");
  for (const session of sessions) assert.equal(session.state().kind === "needs_login", false);
});
