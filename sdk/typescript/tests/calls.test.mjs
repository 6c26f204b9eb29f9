// session.fetch as a drop-in: aborts, bodies, Request objects, redirects, origins; and what others integrate with.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Misconfigured, NeedsLogin, Session, Unavailable, CredentialRefused } from "../dist/index.js";
import { API, NOW, surroundings, TOKEN } from "./support/issuer.mjs";

const unauthorized = (more = {}) => new Response('{"message":"token expired"}', { status: 401, headers: { "content-type": "application/json", ...more } });
const redirect = (status, location) => new Response(null, { status, headers: { location } });
const once = (make) => {
  let done = false;
  return (url) => (url.href !== TOKEN && !done ? ((done = true), make(url)) : undefined);
};
const deferred = () => {
  let resolve;
  const promise = new Promise((done) => (resolve = done));
  return { promise, resolve };
};

test("a caller's abort ends its waiting and not the renewal of the others", async () => {
  const gate = deferred();
  const { options, to } = surroundings(async (url) => void (url.href === TOKEN && (await gate.promise)));
  const session = Session.clientCredentials(options);
  const impatient = new AbortController();
  const left = session.fetch(`${API}/a`, { signal: impatient.signal });
  const stayed = session.fetch(`${API}/b`);
  await new Promise(setImmediate);
  impatient.abort(new Error("enough"));
  await assert.rejects(left, /enough/);
  gate.resolve();
  assert.equal((await stayed).status, 200);
  assert.equal(to(TOKEN).length, 1);
  assert.deepEqual(to(API).map(({ url }) => url), [`${API}/b`]);
});

test("a signal that was aborted before makes no request", async () => {
  const { options, calls } = surroundings();
  await assert.rejects(Session.clientCredentials(options).fetch(API, { signal: AbortSignal.abort() }), { name: "AbortError" });
  assert.equal(calls.length, 0);
});

test("all callers may leave; the renewal is there for the next one", async () => {
  const gate = deferred();
  const { options, to } = surroundings(async (url) => void (url.href === TOKEN && (await gate.promise)));
  const session = Session.clientCredentials(options);
  const impatient = new AbortController();
  const left = session.token({ signal: impatient.signal });
  impatient.abort();
  await assert.rejects(left, { name: "AbortError" });
  gate.resolve();
  assert.equal((await session.token()).text, "t1");
  assert.equal(to(TOKEN).length, 1);
});

for (const [what, body, replayed] of [
  ["a text", () => "order=1", true],
  ["bytes", () => new TextEncoder().encode("order=1"), true],
  ["a form", () => new URLSearchParams({ order: "1" }), true],
  ["a blob", () => new Blob(["order=1"]), true],
  ["a multipart form", () => Object.assign(new FormData()), true],
  ["a stream", () => new Blob(["order=1"]).stream(), false],
  ["an async iterable", () => (async function* () { yield new TextEncoder().encode("order=1"); })(), false],
])
  test(`${what} as body is ${replayed ? "sent once more" : "not sent again"} after a 401`, async () => {
    const { options, to } = surroundings(once(() => unauthorized()));
    const session = Session.refreshToken({ ...options, refreshToken: "r0" });
    const response = await session.fetch(`${API}/orders`, { method: "POST", body: body(), duplex: "half" });
    assert.equal(response.status, replayed ? 200 : 401);
    assert.equal(to(API).length, replayed ? 2 : 1);
    if (!replayed) assert.match(await response.text(), /token expired/);
    assert.equal((await session.fetch(API)).status, 200);
    assert.equal(to(TOKEN).length, 2);
  });

test("a Request keeps its method, headers and signal; one with a body is not sent again", async () => {
  const { options, to } = surroundings(once(() => unauthorized()));
  const session = Session.refreshToken({ ...options, refreshToken: "r0" });
  const response = await session.fetch(new Request(`${API}/x`, { method: "DELETE", headers: { version: "2.0" } }));
  assert.equal(response.status, 200);
  assert.deepEqual(to(API).map(({ method, headers, authorization }) => [method, headers.get("version"), authorization]), [
    ["DELETE", "2.0", "Bearer t1"],
    ["DELETE", "2.0", "Bearer t2"],
  ]);
  const other = surroundings(once(() => unauthorized()));
  const second = Session.refreshToken({ ...other.options, refreshToken: "r0" });
  assert.equal((await second.fetch(new Request(`${API}/x`, { method: "PUT", body: "a" }))).status, 401);
  assert.equal(other.to(API).length, 1);
});

test("a refusal whose body was looked at can still be read by the program", async () => {
  const { options } = surroundings((url) => (url.href === TOKEN ? undefined : unauthorized()));
  const response = await Session.clientCredentials(options).fetch(API);
  assert.equal(response.status, 401);
  assert.deepEqual(await response.json(), { message: "token expired" });
});

test("a redirect to another origin loses the headers, for good", async () => {
  const { options, to } = surroundings((url) => {
    if (url.href === `${API}/a`) return redirect(302, "/b");
    if (url.href === `${API}/b`) return redirect(307, "https://cdn.example/c");
    if (url.href === "https://cdn.example/c") return redirect(302, `${API}/d`);
    return undefined;
  });
  const response = await Session.clientCredentials(options).fetch(`${API}/a`);
  assert.equal(response.status, 200);
  assert.deepEqual(to(API).map(({ authorization }) => authorization), ["Bearer t1", "Bearer t1", null]);
  assert.deepEqual(to("https://cdn.example").map(({ authorization }) => authorization), [null]);
});

test("keys do not follow a redirect to another origin", async () => {
  const { options, to } = surroundings(once(() => redirect(302, "https://cdn.example/c")));
  const { fetch } = options;
  await Session.apiKey({ fetch, headers: { "APCA-API-KEY-ID": "k", "APCA-API-SECRET-KEY": "s" } }).fetch(`${API}/a`);
  assert.equal(to(API)[0].headers.get("apca-api-key-id"), "k");
  assert.equal(to("https://cdn.example")[0].headers.get("apca-api-key-id"), null);
  assert.equal(to("https://cdn.example")[0].headers.get("apca-api-secret-key"), null);
});

test("redirects change method and body as fetch does, and are the program's if it says so", async () => {
  for (const [status, method, body] of [[301, "GET", null], [302, "GET", null], [303, "GET", null], [307, "POST", "a"], [308, "POST", "a"]]) {
    const { options, to } = surroundings(once(() => redirect(status, "/b")));
    await Session.clientCredentials(options).fetch(`${API}/a`, { method: "POST", body: "a" });
    assert.deepEqual([to(API)[1].method, to(API)[1].init.body], [method, body], String(status));
  }
  const { options } = surroundings(once(() => redirect(302, "/b")));
  assert.equal((await Session.clientCredentials(options).fetch(API, { redirect: "manual" })).status, 302);
  const strict = surroundings(once(() => redirect(302, "/b")));
  await assert.rejects(Session.clientCredentials(strict.options).fetch(API, { redirect: "error" }), TypeError);
  const endless = surroundings((url) => (url.href === TOKEN ? undefined : redirect(302, "/b")));
  await assert.rejects(Session.clientCredentials(endless.options).fetch(API), TypeError);
});

test("a proof is made for each address that a redirect leads to", async () => {
  const { options, to } = surroundings((url) => {
    if (url.href === TOKEN) return Response.json({ access_token: "t1", token_type: "DPoP" });
    return url.pathname === "/a" ? redirect(302, "/b?x=1#y") : undefined;
  });
  await Session.clientCredentials({ ...options, dpop: true }).fetch(`${API}/a`);
  const claims = to(API).map(({ headers }) => JSON.parse(Buffer.from(headers.get("dpop").split(".")[1], "base64url").toString()));
  assert.deepEqual(claims.map(({ htu, htm, iat }) => [htu, htm, iat]), [[`${API}/a`, "GET", NOW / 1000], [`${API}/b`, "GET", NOW / 1000]]);
  assert.notEqual(claims[0].jti, claims[1].jti);
});

test("a proof that the API refuses for its time is made anew with the API's, once", async () => {
  const ahead = 600_000;
  const proofs = [];
  const { options, clock, to } = surroundings((url, init, headers) => {
    if (url.href === TOKEN) return Response.json({ access_token: "t1", token_type: "DPoP" });
    const { iat } = JSON.parse(Buffer.from(headers.get("dpop").split(".")[1], "base64url").toString());
    proofs.push(iat * 1000 - NOW);
    const date = new Date(clock.now() + ahead).toUTCString();
    return proofs.length < 2 ? unauthorized({ "www-authenticate": 'DPoP error="invalid_dpop_proof"', date }) : undefined;
  });
  const session = Session.clientCredentials({ ...options, dpop: true });
  assert.equal((await session.fetch(API)).status, 200);
  assert.deepEqual(proofs, [0, ahead]);
  assert.equal(to(TOKEN).length, 1);
});

test("a proof that stays refused is not made for ever", async () => {
  const { options, clock, to } = surroundings((url) => {
    if (url.href === TOKEN) return Response.json({ access_token: "t1", token_type: "DPoP" });
    const date = new Date(clock.now() + to(API).length * 100_000).toUTCString();
    return unauthorized({ "www-authenticate": 'DPoP error="invalid_dpop_proof"', "mandate-cause": "dpop.invalid", date });
  });
  assert.equal((await Session.clientCredentials({ ...options, dpop: true }).fetch(API)).status, 401);
  assert.deepEqual([to(TOKEN).length, to(API).length], [1, 2]);
});

test("tokens go to https, loopback and named origins alone, and nothing is asked before", async () => {
  const { options, calls } = surroundings();
  const session = Session.clientCredentials(options);
  for (const url of ["http://api.example/x", "http://127.0.0.1.example/x", "ftp://api.example/x", "nonsense"]) {
    await assert.rejects(session.authorize("GET", url), Misconfigured, url);
  }
  await assert.rejects(session.fetch("http://api.example/x"), Misconfigured);
  const named = Session.clientCredentials({ ...options, origins: [`${API}/some/path`] });
  await assert.rejects(named.fetch("https://api.example:8443/"), Misconfigured);
  await assert.rejects(named.fetch("https://other.example/"), Misconfigured);
  assert.equal(calls.length, 0);
  for (const url of ["http://127.0.0.1:8080/", "http://[::1]/", "http://localhost/", `${API}/x`]) assert.match((await session.authorize("GET", url)).authorization, /^Bearer t1$/);
  assert.match((await Session.clientCredentials({ ...options, insecureHttp: true }).authorize("GET", "http://api.example/")).authorization, /^Bearer/);
});

test("settings that cannot work are refused before any request", () => {
  const { options } = surroundings();
  const broken = [
    { clientId: "" }, { tokenEndpoint: undefined }, { tokenEndpoint: "http://issuer.example/token" }, { tokenEndpoint: "token" },
    { clientAuth: "private_key_jwt" }, { clientAuth: "post", clientSecret: undefined }, { patienceMs: -1 }, { timeoutMs: NaN }, { origins: ["x"] },
  ];
  for (const more of broken) assert.throws(() => Session.clientCredentials({ ...options, ...more }), Misconfigured, JSON.stringify(more));
  assert.throws(() => Session.refreshToken({ ...options, refreshToken: "" }), Misconfigured);
  assert.throws(() => Session.apiKey({ headers: {} }), Misconfigured);
});

test("if the renewal after a 401 fails, its error carries the refusal that began it", async () => {
  let tokens = 0;
  const { options } = surroundings((url) => {
    if (url.href !== TOKEN) return unauthorized({ "mandate-cause": "token.revoked" });
    return ++tokens === 1 ? undefined : Response.json({ error: "invalid_grant" }, { status: 400 });
  });
  const error = await Session.refreshToken({ ...options, refreshToken: "r0" }).fetch(API).catch((error) => error);
  assert.ok(error instanceof NeedsLogin);
  assert.equal(error.reason, "grant_ended");
  assert.equal(error.refusal.cause, "token.revoked");
  assert.ok(error.cause instanceof CredentialRefused);
});

test("an API that refuses every token does not cost the issuer one for each call", async () => {
  const { options, to } = surroundings((url) => (url.href === TOKEN ? undefined : unauthorized()));
  const session = Session.clientCredentials(options);
  for (let i = 0; i < 5; i++) assert.equal((await session.fetch(API)).status, 401);
  assert.equal(to(TOKEN).length, 3);
  assert.equal(to(API).length, 7);
});

test("authorize and answered serve other integrations", async () => {
  const { options, to, clock } = surroundings();
  const session = Session.refreshToken({ ...options, refreshToken: "r0" });
  const first = await session.authorize("GET", API);
  assert.equal(await session.answered(API, first, new Response("ok")), false);
  assert.equal(await session.answered(API, first, unauthorized()), true);
  const second = await session.authorize("GET", API);
  assert.equal(second.authorization, "Bearer t2");
  // When the first was refused is not known here: the time that a call takes makes no token an old one.
  await clock.advance(1_000);
  assert.equal(await session.answered(API, second, unauthorized(), { retried: true }), false);
  assert.equal(await session.answered(API, first, unauthorized()), true, "it has another token by now");
  assert.equal(to(TOKEN).length, 2);
  await assert.rejects(session.answered(API, { authorization: "Bearer x" }, unauthorized()), Misconfigured);
});

test("closing ends whoever waits, and lets the attempt that is under way finish", async () => {
  const gate = deferred();
  const { options } = surroundings(async (url) => void (url.href === TOKEN && (await gate.promise)));
  const session = Session.clientCredentials(options);
  const waiting = session.token();
  await new Promise(setImmediate);
  const closing = session.close();
  gate.resolve();
  await closing;
  await assert.rejects(waiting, { name: "Closed" });
  assert.deepEqual(session.state(), { kind: "closed" });
});

test("an early renewal that takes its time is joined by those who must have a token: one request", async () => {
  const gate = deferred();
  let hanging = false;
  const { options, clock, to } = surroundings(async (url) => void (url.href === TOKEN && hanging && (await gate.promise)));
  const session = Session.clientCredentials(options);
  await session.token();
  hanging = true;
  await clock.advance(541_000);
  const early = session.token();
  await new Promise(setImmediate);
  assert.equal((await session.token()).text, "t1", "the others go on with the token");
  await clock.advance(60_000);
  const late = [session.token(), session.token()];
  await new Promise(setImmediate);
  gate.resolve();
  for (const token of await Promise.all([early, ...late])) assert.equal(token.text, "t2");
  assert.equal(to(TOKEN).length, 2);
});

test("Unavailable says when", async () => {
  const { options, clock } = surroundings(() => new Response("", { status: 503, headers: { "retry-after": "120" } }));
  const error = await Session.clientCredentials(options).token().catch((error) => error);
  assert.ok(error instanceof Unavailable);
  assert.equal(error.retryAt, clock.now() + 120_000);
});

test("an observer that throws disturbs nobody", async () => {
  const { options } = surroundings();
  const session = Session.clientCredentials({ ...options, observer: () => { throw new Error("observer"); } });
  assert.equal((await session.token()).text, "t1");
});

test("leaving renewals ends them at once", async () => {
  const { options, clock } = surroundings();
  clock.watched = true;
  const session = Session.clientCredentials(options);
  for await (const token of session.renewals()) {
    assert.equal(token.text, "t1");
    break;
  }
  const reading = session.renewals();
  await reading.next();
  const next = reading.next();
  await session.close();
  assert.deepEqual(await next, { done: true, value: undefined });
});

for (const [name, algorithm] of [["ES256", { name: "ECDSA", namedCurve: "P-256" }], ["RS256", { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }], ["PS256", { name: "RSA-PSS", hash: "SHA-256", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }], ["EdDSA", { name: "Ed25519" }]])
  test(`private_key_jwt by ${name} verifies`, async () => {
    const { privateKey, publicKey } = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const jwk = { ...(await crypto.subtle.exportKey("jwk", privateKey)), alg: name, kid: "k1" };
    const { options, to } = surroundings();
    await Session.clientCredentials({ ...options, clientSecret: undefined, privateKey: jwk }).token();
    const form = new URLSearchParams(to(TOKEN)[0].init.body);
    assert.deepEqual([form.get("client_id"), form.get("client_secret"), to(TOKEN)[0].authorization], ["app", null, null]);
    const [head, claims, signature] = form.get("client_assertion").split(".");
    assert.deepEqual(JSON.parse(Buffer.from(head, "base64url")), { typ: "JWT", alg: name, kid: "k1" });
    const { iss, sub, aud, iat, exp } = JSON.parse(Buffer.from(claims, "base64url"));
    assert.deepEqual([iss, sub, aud, iat, exp], ["app", "app", TOKEN, NOW / 1000, NOW / 1000 + 120]);
    const verified = { ECDSA: { name: "ECDSA", hash: "SHA-256" }, "RSA-PSS": { name: "RSA-PSS", saltLength: 32 } }[algorithm.name] ?? { name: algorithm.name };
    assert.ok(await crypto.subtle.verify(verified, publicKey, Buffer.from(signature, "base64url"), Buffer.from(`${head}.${claims}`)));
  });
