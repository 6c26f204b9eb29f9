// Flows of the package openid-client.
import { browse, header, load, main, posted, privateKey } from "./talk.mjs";

const oc = await load("openid-client/build/index.js");

async function authentication(client) {
  switch (client.auth_method) {
    case "client_secret_basic":
      return oc.ClientSecretBasic(client.client_secret);
    case "client_secret_post":
      return oc.ClientSecretPost(client.client_secret);
    case "private_key_jwt":
      return oc.PrivateKeyJwt(await privateKey(client.jwk));
    case "tls_client_auth":
    case "self_signed_tls_client_auth":
      return oc.TlsClientAuth();
    default:
      return oc.None();
  }
}

async function configure(task) {
  const metadata = { [oc.clockSkew]: task.skew };
  if (task.id_token_alg) metadata.id_token_signed_response_alg = task.id_token_alg;
  if (task.signed) metadata.introspection_signed_response_alg = task.signed;
  const execute = [oc.allowInsecureRequests, oc.enableNonRepudiationChecks];
  const server = new URL(task.issuer);
  return oc.discovery(server, task.client.client_id, metadata, await authentication(task.client), { execute, algorithm: task.algorithm });
}

async function fetched(answer) {
  return { status: answer.status, challenge: answer.headers.get("www-authenticate"), body: await answer.text() };
}

async function discovery(task) {
  return (await configure(task)).serverMetadata();
}

async function code(task) {
  const config = await configure(task);
  const options = {};
  const checks = { expectedState: oc.randomState(), expectedNonce: oc.randomNonce(), idTokenExpected: true };
  let parameters = { redirect_uri: task.redirect_uri, scope: task.scope, state: checks.expectedState, nonce: checks.expectedNonce };
  if (task.pkce) {
    checks.pkceCodeVerifier = oc.randomPKCECodeVerifier();
    parameters.code_challenge = await oc.calculatePKCECodeChallenge(checks.pkceCodeVerifier);
    parameters.code_challenge_method = "S256";
  }
  const mode = task.response_mode ?? "query";
  if (mode === "jwt") oc.useJwtResponseMode(config);
  if (task.response_mode) parameters.response_mode = mode;
  if (task.dpop) {
    options.DPoP = oc.getDPoPHandle(config, await oc.randomDPoPKeyPair(task.dpop));
    if (!task.par) parameters.dpop_jkt = await options.DPoP.calculateThumbprint();
  }
  let url;
  if (task.jar) {
    url = await oc.buildAuthorizationUrlWithJAR(config, parameters, await privateKey(task.client.jwk));
    parameters = url.searchParams;
  }
  if (task.par) url = await oc.buildAuthorizationUrlWithPAR(config, parameters, options);
  url ??= oc.buildAuthorizationUrl(config, parameters);

  // it would ask for `jwt` by itself
  if (mode.endsWith(".jwt")) oc.useJwtResponseMode(config);
  const arrived = mode.startsWith("form_post") ? await posted(url) : await browse(url);
  const tokens = await oc.authorizationCodeGrant(config, arrived, checks, undefined, options);
  const claims = tokens.claims();
  const api = new URL(`${task.api}/accounts`);
  const call = async (token) => fetched(await oc.fetchProtectedResource(config, token, api, "GET", undefined, undefined, options));
  const result = {
    url: url.href,
    tokens,
    claims,
    id_token: header(tokens.id_token),
    access_token: header(tokens.access_token),
    userinfo: await oc.fetchUserInfo(config, tokens.access_token, claims.sub, options),
    accounts: await call(tokens.access_token),
  };
  result.refreshed = await oc.refreshTokenGrant(config, tokens.refresh_token, undefined, options);
  result.refreshed_claims = result.refreshed.claims();
  result.refreshed_accounts = await call(result.refreshed.access_token);
  if (task.revoke) {
    await oc.tokenRevocation(config, result.refreshed.access_token);
    await oc.tokenRevocation(config, result.refreshed.refresh_token, { token_type_hint: "refresh_token" });
    try {
      result.after = await call(result.refreshed.access_token);
    } catch (error) {
      result.after = { type: error.constructor.name, status: error.status, challenges: error.cause };
    }
    try {
      result.refreshed_after = await oc.refreshTokenGrant(config, result.refreshed.refresh_token, undefined, options);
    } catch (error) {
      result.refreshed_after = { type: error.constructor.name, status: error.status, error: error.error };
    }
  }
  return result;
}

async function logout(task) {
  const config = await configure(task);
  return { url: oc.buildEndSessionUrl(config, task.parameters).href };
}

async function credentials(task) {
  const config = await configure(task);
  const tokens = await oc.clientCredentialsGrant(config, { scope: task.scope });
  const api = new URL(`${task.api}/accounts`);
  return { tokens, accounts: await fetched(await oc.fetchProtectedResource(config, tokens.access_token, api, "GET")) };
}

async function introspection(task) {
  const config = await configure(task);
  return oc.tokenIntrospection(config, task.token);
}

await main({ discovery, code, logout, credentials, introspection });
