// Whatever holds a secret prints as [secret], in all the usual ways.
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { FileStore, MemoryStore, Session } from "../dist/node/index.js";
import { Core, Held } from "../dist/core/core.js";
import { DeviceSignIn } from "../dist/login.js";
import { ProofKey, Signer } from "../dist/wire/crypto.js";
import { Settings } from "../dist/settings.js";

const SECRETS = ["sEcReT-1", "sEcReT-2", "sEcReT-3"];
const options = { tokenEndpoint: "https://issuer.example/token", clientId: "app", clientSecret: SECRETS[0], store: new MemoryStore() };

const fetch = async () => Response.json({ access_token: SECRETS[1], refresh_token: SECRETS[2], expires_in: 600 });
const session = Session.password({ ...options, fetch, username: "u", password: SECRETS[2] });
const token = await session.token();
const { privateKey } = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
const jwk = await crypto.subtle.exportKey("jwk", privateKey);
SECRETS.push(jwk.d);

const HOLDERS = {
  session,
  token,
  headers: await session.authorize("GET", "https://api.example/x"),
  login: session.login,
  core: new Core("refresh_token", undefined, { refreshToken: SECRETS[2] }),
  held: new Held(SECRETS[1], "Bearer", undefined, 0, {}),
  device: new DeviceSignIn("AB", "https://x", undefined, 0, 5, SECRETS[1]),
  settings: new Settings("password", options, { password: SECRETS[2] }),
  store: options.store,
  files: new FileStore({ folder: "/tmp/nowhere" }),
  proofKey: await ProofKey.of(jwk),
  signer: await Signer.of(jwk),
};

for (const [name, holder] of Object.entries(HOLDERS))
  test(`${name} does not print`, () => {
    const said = [
      inspect(holder, { depth: 9, showHidden: true }),
      inspect({ deep: [holder] }, { depth: 9, showHidden: true }),
      JSON.stringify({ holder }),
      ...(name === "login" ? [] : [`${holder}`, holder.toString()]),
    ];
    for (const text of said) for (const secret of SECRETS) assert.ok(!text.includes(secret), text);
    if (name !== "login") assert.match(said[0], /\[secret\]/);
  });

test("the token and its headers are there for who asks", async () => {
  assert.equal(token.text, SECRETS[1]);
  assert.equal({ ...HOLDERS.headers }.authorization, `Bearer ${SECRETS[1]}`);
  assert.equal(new Headers(HOLDERS.headers).get("authorization"), `Bearer ${SECRETS[1]}`);
});

test("an issuer that repeats a secret in its words does not bring it into an error", async () => {
  const chatty = async () => Response.json({ error: "invalid_client", error_description: `wrong: ${SECRETS[0]}`, error_uri: `https://x/${SECRETS[0]}` }, { status: 400 });
  const refused = Session.clientCredentials({ ...options, store: undefined, fetch: chatty });
  const error = await refused.token().catch((error) => error);
  assert.equal(error.reason, "client_refused");
  assert.match(error.message, /wrong: \[secret\]/);
  assert.ok(!inspect(error, { depth: 9 }).includes(SECRETS[0]));
});
