// npm oidc-provider: client credentials, authorization codes, refresh tokens with rotation, introspection.
//
//   node server.mjs PORT                     what it keeps in its own memory adapter: the newest 1,000, lost at the end
//   node server.mjs PORT map                 in a plain Map, lost at the end; for codes and tokens that are made ahead
//   node server.mjs PORT postgresql://...    in PostgreSQL, committed before the answer
//
// With `signed` as a further argument access tokens are JWTs by ES256 for one API, which this library does not store; else
// they are opaque. The client's secret is kept and compared in plain, as this library does.

import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

const [port, ...words] = process.argv.slice(2);
const signed = words.includes('signed');
const store = words.find((word) => word !== 'signed');
const adapter = store === 'map'
  ? (await import('./map.mjs')).MapAdapter
  : store ? await (await import('./postgres.mjs')).open(store) : undefined;
const REDIRECT = 'https://app.example/callback';
const API = 'https://api.example';
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

const resourceIndicators = {
  enabled: true,
  defaultResource: () => API,
  getResourceServerInfo: () => ({ scope: 'general', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }),
  useGrantedResource: () => true,
};

const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter,
  clients: [{
    client_id: 'bench',
    client_secret: 'bench-secret-of-more-than-thirty-two-characters',
    grant_types: ['client_credentials', 'authorization_code', 'refresh_token'],
    response_types: ['code'],
    redirect_uris: [REDIRECT],
    token_endpoint_auth_method: 'client_secret_post',
    id_token_signed_response_alg: 'ES256',
  }],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: 'bench' }] },
  scopes: ['openid', 'offline_access', 'general'],
  pkce: { required: () => false },
  rotateRefreshToken: true,
  findAccount: (_context, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    ...(signed && { resourceIndicators }),
  },
  ttl: { ClientCredentials: 3600, AuthorizationCode: 600, AccessToken: 3600, Grant: 3600, RefreshToken: 3600 },
});

// What a finished consent leaves behind, so that what comes after it can be measured alone: a text with one code, or one
// refresh token, on each line. Without `openid`, so that no ID token is signed.
provider.use(async (context, next) => {
  const kind = { '/bench/codes': 'AuthorizationCode', '/bench/refresh': 'RefreshToken' }[context.path];
  if (!kind) return next();
  const client = await provider.Client.find('bench');
  const made = [];
  for (let number = 0; number < Number(context.query.count); number += 1) {
    const accountId = `account-${number % 5000}`;
    const grant = new provider.Grant({ accountId, clientId: client.clientId });
    grant.addOIDCScope('general');
    if (signed) grant.addResourceScope(API, 'general');
    const grantId = await grant.save();
    const artefact = new provider[kind]({
      accountId,
      client,
      grantId,
      gty: 'authorization_code',
      scope: 'general',
      ...(kind === 'AuthorizationCode' && { redirectUri: REDIRECT }),
      ...(signed && { resource: API }),
    });
    made.push(await artefact.save());
  }
  context.body = made.join('\n');
});

provider.on('server_error', (_context, error) => console.error(error));
provider.listen(Number(port), '127.0.0.1');
