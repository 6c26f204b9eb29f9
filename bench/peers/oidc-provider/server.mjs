// npm oidc-provider, client_credentials and authorization codes, with opaque access tokens.
//
//   node server.mjs PORT                     tokens in its own memory adapter: the newest 1,000, lost at the end
//   node server.mjs PORT map                 tokens in a plain Map, lost at the end; for codes that are made ahead
//   node server.mjs PORT postgresql://...    tokens in PostgreSQL, committed before the answer
//
// The client's secret is kept and compared in plain, as this library does.

import Provider from 'oidc-provider';

const [port, store] = process.argv.slice(2);
const adapter = store === 'map'
  ? (await import('./map.mjs')).MapAdapter
  : store ? await (await import('./postgres.mjs')).open(store) : undefined;
const REDIRECT = 'https://app.example/callback';

const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter,
  clients: [{
    client_id: 'bench',
    client_secret: 'bench-secret-of-more-than-thirty-two-characters',
    grant_types: ['client_credentials', 'authorization_code'],
    response_types: ['code'],
    redirect_uris: [REDIRECT],
    token_endpoint_auth_method: 'client_secret_post',
  }],
  scopes: ['openid', 'general'],
  pkce: { required: () => false },
  findAccount: (_context, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
  },
  ttl: { ClientCredentials: 600, AuthorizationCode: 600, AccessToken: 600, Grant: 3600 },
});

// Codes as a finished consent leaves them, so that redeeming can be measured alone: a text with one on each line. Without
// `openid`, so that no ID token is signed.
provider.use(async (context, next) => {
  if (context.path !== '/bench/codes') return next();
  const client = await provider.Client.find('bench');
  const codes = [];
  for (let number = 0; number < Number(context.query.count); number += 1) {
    const accountId = `account-${number % 5000}`;
    const grant = new provider.Grant({ accountId, clientId: client.clientId });
    grant.addOIDCScope('general');
    const grantId = await grant.save();
    const code = new provider.AuthorizationCode({
      accountId, client, grantId, gty: 'authorization_code', redirectUri: REDIRECT, scope: 'general',
    });
    codes.push(await code.save());
  }
  context.body = codes.join('\n');
});

provider.on('server_error', (_context, error) => console.error(error));
provider.listen(Number(port), '127.0.0.1');
