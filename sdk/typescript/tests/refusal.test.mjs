// What an answer says of a refusal, and which error belongs to it.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as library from "../dist/index.js";
import { parameters } from "../dist/refusal.js";

const { Cause, causeEntry, readRefusal, Session } = library;
const session = Session.accessToken({ accessToken: "t" });
const answer = (status, body, headers = {}) =>
  new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } });

for (const [header, read] of [
  [null, {}],
  ["Bearer", {}],
  ['Bearer realm="a, b", error="invalid_token", error_description="the \\"token\\" expired"', { realm: "a, b", error: "invalid_token", error_description: 'the "token" expired' }],
  ["DPoP error=use_dpop_nonce, algs=ES256", { error: "use_dpop_nonce", algs: "ES256" }],
  ['Basic realm="x", Bearer error="insufficient_scope", scope="a b"', { realm: "x", error: "insufficient_scope", scope: "a b" }],
  ['Bearer error="first", DPoP error="second"', { error: "first" }],
  ['Bearer ERROR = "spaced"', { error: "spaced" }],
  ["Bearer __proto__=x", { __proto__: undefined }],
])
  test(`challenge ${header}`, () => {
    const found = parameters(header);
    for (const [name, value] of Object.entries(read)) assert.equal(found[name], value);
  });

for (const [kind, response] of [
  ["ScopeMissing", answer(403, { cause: "scope.missing", facts: { scopes_needed: "a b", scopes_held: ["b"] } })],
  ["ScopeMissing", answer(401, { error: "insufficient_scope" })],
  ["LicenceRefused", answer(401, { cause: "licence.delegated_access" })],
  ["CredentialRefused", answer(401, "no")],
  ["RateLimited", answer(429, "no", { "retry-after": "3" })],
  ["IssuerUnavailable", answer(502, "<html>", { "content-type": "text/html" })],
  ["Refused", answer(418, {})],
])
  test(`check raises ${kind} for ${response.status}`, async () => {
    const error = await session.check(response).catch((error) => error);
    assert.equal(error.constructor.name, kind);
    assert.equal(error.name, kind);
    assert.ok(error instanceof library.Refused && error instanceof library.SessionError);
    assert.equal(error.status, response.status);
    assert.equal(response.bodyUsed, false, "the body is left for the program");
    if (error.refusal.scopesNeeded.length > 0) assert.deepEqual(error.scopesMissing, ["a"]);
    if (kind === "RateLimited") assert.equal(error.retryAfter, 3);
  });

test("check returns what is good", async () => {
  const response = answer(204 + 96, {});
  assert.equal(await session.check(response), response);
  assert.equal(await session.refusal(response), undefined);
});

test("headers precede challenges, and these the body; the body's remedy precedes the catalogue's", () => {
  const headers = new Headers({ "mandate-cause": "token.expired", "mandate-decision": "d_1", "www-authenticate": 'Bearer cause="token.revoked", decision_id="d_2"' });
  const body = JSON.stringify({ cause: "token.audience", decision_id: "d_3", remedy: "Wait.", who_can_act: "nobody", error_uri: "https://x/" });
  const refusal = readRefusal({ status: 401, headers }, body, 0, 0);
  assert.deepEqual(
    [refusal.cause, refusal.decisionId, refusal.remedy, refusal.whoCanAct, refusal.errorUri, refusal.title, refusal.renew],
    [Cause.TOKEN_EXPIRED, "d_1", "Wait.", "caller", "https://x/", causeEntry("token.expired").title, true],
  );
});

test("bodies that are none are survived", () => {
  for (const body of ["", "{", "[]", "null", "7", '"x"', '{"cause": 7, "facts": [], "error": {"code": 401}}'])
    assert.equal(readRefusal({ status: 400, headers: new Headers() }, body, 0, 0).cause, undefined, body);
});

test("causes are constants; unknown ones have no entry", () => {
  assert.equal(Cause.TOKEN_EXPIRED, "token.expired");
  assert.equal(Cause.SESSION_DISPLACED, "session.displaced");
  assert.equal(causeEntry("toString"), undefined);
  assert.equal(causeEntry("moon.full"), undefined);
});
