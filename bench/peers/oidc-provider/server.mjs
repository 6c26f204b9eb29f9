// npm oidc-provider, client_credentials with opaque access tokens.
//
//   node server.mjs PORT                     tokens in its own memory adapter: the newest 1,000, lost at the end
//   node server.mjs PORT postgresql://...    tokens in PostgreSQL, committed before the answer
//
// The client's secret is kept and compared in plain, as this library does.

import Provider from 'oidc-provider';

const [port, store] = process.argv.slice(2);
const adapter = store ? await (await import('./postgres.mjs')).open(store) : undefined;

const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter,
  clients: [{
    client_id: 'bench',
    client_secret: 'bench-secret-of-more-than-thirty-two-characters',
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    token_endpoint_auth_method: 'client_secret_post',
  }],
  scopes: ['general'],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
  },
  ttl: { ClientCredentials: 600 },
});

provider.on('server_error', (_context, error) => console.error(error));
provider.listen(Number(port), '127.0.0.1');
