// Flows of the package oauth4webapi.
import { browse, header, load, main, posted, privateKey } from "./talk.mjs";

const oauth = await load("oauth4webapi/build/index.js");
const plain = { [oauth.allowInsecureRequests]: true };

async function configure(task) {
  const issuer = new URL(task.issuer);
  const answer = await oauth.discoveryRequest(issuer, { ...plain, algorithm: task.algorithm });
  const server = await oauth.processDiscoveryResponse(issuer, answer);
  const client = { client_id: task.client.client_id, [oauth.clockSkew]: task.skew };
  if (task.id_token_alg) client.id_token_signed_response_alg = task.id_token_alg;
  return { server, client, auth: await authentication(task.client) };
}

async function authentication(client) {
  switch (client.auth_method) {
    case "client_secret_basic":
      return oauth.ClientSecretBasic(client.client_secret);
    case "client_secret_post":
      return oauth.ClientSecretPost(client.client_secret);
    case "private_key_jwt":
      return oauth.PrivateKeyJwt(await privateKey(client.jwk));
    case "tls_client_auth":
    case "self_signed_tls_client_auth":
      return oauth.TlsClientAuth();
    default:
      return oauth.None();
  }
}

// A server may ask for its nonce; the library keeps it for the second attempt.
async function again(attempt) {
  try {
    return await attempt();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return attempt();
  }
}

async function fetched(answer) {
  return { status: answer.status, body: await answer.text() };
}

async function discovery(task) {
  return (await configure(task)).server;
}

async function code(task) {
  const { server, client, auth } = await configure(task);
  const options = { ...plain };
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const nonce = oauth.generateRandomNonce();
  let parameters = new URLSearchParams({
    client_id: client.client_id,
    response_type: "code",
    redirect_uri: task.redirect_uri,
    scope: task.scope,
    state,
    nonce,
  });
  if (task.pkce) {
    parameters.set("code_challenge", await oauth.calculatePKCECodeChallenge(verifier));
    parameters.set("code_challenge_method", "S256");
  }
  if (task.response_mode) parameters.set("response_mode", task.response_mode);
  if (task.dpop) {
    options.DPoP = oauth.DPoP(client, await oauth.generateKeyPair(task.dpop));
    if (!task.par) parameters.set("dpop_jkt", await options.DPoP.calculateThumbprint());
  }
  if (task.jar) {
    const request = await oauth.issueRequestObject(server, client, parameters, await privateKey(task.client.jwk));
    parameters = new URLSearchParams({ client_id: client.client_id, request });
  }
  if (task.par) {
    const pushed = await again(async () => {
      const answer = await oauth.pushedAuthorizationRequest(server, client, auth, parameters, options);
      return oauth.processPushedAuthorizationResponse(server, client, answer);
    });
    parameters = new URLSearchParams({ client_id: client.client_id, request_uri: pushed.request_uri });
  }
  const url = new URL(server.authorization_endpoint);
  url.search = parameters.toString();

  const mode = task.response_mode ?? "query";
  const arrived = mode.startsWith("form_post") ? new URLSearchParams(await (await posted(url)).text()) : await browse(url);
  const callback = mode.endsWith("jwt")
    ? await oauth.validateJwtAuthResponse(server, client, arrived, state, plain)
    : oauth.validateAuthResponse(server, client, arrived, state);
  const tokens = await again(async () => {
    const used = task.pkce ? verifier : oauth.nopkce;
    const answer = await oauth.authorizationCodeGrantRequest(server, client, auth, callback, task.redirect_uri, used, options);
    const checked = await oauth.processAuthorizationCodeResponse(server, client, answer, { expectedNonce: nonce, requireIdToken: true });
    await oauth.validateApplicationLevelSignature(server, answer, plain);
    return checked;
  });
  const claims = oauth.getValidatedIdTokenClaims(tokens);
  const api = new URL(`${task.api}/accounts`);
  const call = (token) => again(async () => fetched(await oauth.protectedResourceRequest(token, "GET", api, undefined, null, options)));
  const result = {
    url: url.href,
    tokens,
    claims,
    id_token: header(tokens.id_token),
    access_token: header(tokens.access_token),
    accounts: await call(tokens.access_token),
  };
  result.userinfo = await again(async () => {
    const answer = await oauth.userInfoRequest(server, client, tokens.access_token, options);
    return oauth.processUserInfoResponse(server, client, claims.sub, answer);
  });
  result.refreshed = await again(async () => {
    const answer = await oauth.refreshTokenGrantRequest(server, client, auth, tokens.refresh_token, options);
    return oauth.processRefreshTokenResponse(server, client, answer);
  });
  result.refreshed_accounts = await call(result.refreshed.access_token);

  // What a resource server does with the request that the library made: RFC 9068 and, for a bound token, RFC 9449 section 7.
  let seen;
  const keep = (url, given) => {
    seen = new Request(url, given);
    return fetch(url, given);
  };
  await oauth.protectedResourceRequest(tokens.access_token, "GET", api, undefined, null, { ...options, [oauth.customFetch]: keep });
  const rules = { ...plain, requireDPoP: Boolean(task.dpop), [oauth.clockSkew]: task.skew };
  // The package's own resource server knows no tokens that are bound to a certificate.
  if (!task.tls) result.resource = await oauth.validateJwtAccessToken(server, seen, task.api, rules);
  if (task.revoke) {
    const revoke = async (token) => oauth.processRevocationResponse(await oauth.revocationRequest(server, client, auth, token, plain));
    await revoke(result.refreshed.access_token);
    await revoke(result.refreshed.refresh_token);
    try {
      result.after = await call(result.refreshed.access_token);
    } catch (error) {
      result.after = { type: error.constructor.name, status: error.status, challenges: error.cause };
    }
    try {
      const answer = await oauth.refreshTokenGrantRequest(server, client, auth, result.refreshed.refresh_token, options);
      result.refreshed_after = await oauth.processRefreshTokenResponse(server, client, answer);
    } catch (error) {
      result.refreshed_after = { type: error.constructor.name, status: error.status, error: error.error };
    }
  }
  return result;
}

async function credentials(task) {
  const { server, client, auth } = await configure(task);
  const answer = await oauth.clientCredentialsGrantRequest(server, client, auth, { scope: task.scope }, plain);
  const tokens = await oauth.processClientCredentialsResponse(server, client, answer);
  const api = new URL(`${task.api}/accounts`);
  return { tokens, accounts: await fetched(await oauth.protectedResourceRequest(tokens.access_token, "GET", api, undefined, null, plain)) };
}

async function introspection(task) {
  const { server, client, auth } = await configure(task);
  if (task.signed) client.introspection_signed_response_alg = task.signed;
  const answer = await oauth.introspectionRequest(server, client, auth, task.token, plain);
  const about = await oauth.processIntrospectionResponse(server, client, answer);
  if (!task.signed) return about;
  await oauth.validateApplicationLevelSignature(server, answer, plain);
  return { type: answer.headers.get("content-type"), about };
}

await main({ discovery, code, credentials, introspection });
