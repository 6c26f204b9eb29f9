// npm oidc-provider as an issuer for the sessions: short lives, rotation, device flow, DPoP, private_key_jwt.
//
//   node oidc-provider.mjs SECONDS     prints {"port": N}; ends when standard input is closed

import { createServer } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

const seconds = Number(process.argv[2] ?? 3);
const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const issuer = `http://127.0.0.1:${port}`;
  const jwk = (pair) => pair.privateKey.export({ format: 'jwk' });
  const own = jwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  const clients = jwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  const { d: _, ...publicPart } = clients;
  const grants = ['authorization_code', 'refresh_token', 'client_credentials', 'urn:ietf:params:oauth:grant-type:device_code'];
  const common = {
    grant_types: grants, response_types: ['code'], redirect_uris: ['http://127.0.0.1/callback'], application_type: 'native',
    id_token_signed_response_alg: 'ES256', scope: 'openid offline_access read',
  };
  const provider = new Provider(issuer, {
    clients: [
      { ...common, client_id: 'app', client_secret: 'a-secret-of-more-than-thirty-two-characters', token_endpoint_auth_method: 'client_secret_basic' },
      { ...common, client_id: 'native', token_endpoint_auth_method: 'none', grant_types: grants.filter((g) => g !== 'client_credentials') },
      {
        ...common, client_id: 'signed', token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'ES256',
        jwks: { keys: [{ ...publicPart, alg: 'ES256', use: 'sig', kid: 'k1' }] },
      },
    ],
    jwks: { keys: [{ ...own, alg: 'ES256', use: 'sig', kid: 'own' }] },
    scopes: ['openid', 'offline_access', 'read'],
    rotateRefreshToken: true,
    issueRefreshToken: async () => true,
    findAccount: (_context, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    features: {
      clientCredentials: { enabled: true }, deviceFlow: { enabled: true }, revocation: { enabled: true }, dPoP: { enabled: true },
      pushedAuthorizationRequests: { enabled: true }, devInteractions: { enabled: false },
    },
    ttl: { AccessToken: seconds, ClientCredentials: seconds, AuthorizationCode: 60, Grant: 3600, RefreshToken: 3600, Session: 3600, Interaction: 600, DeviceCode: 600 },
  });

  // Whoever comes is alice, and she agrees to everything: the pages are not what is tried here.
  provider.use(async (context, next) => {
    if (context.path.startsWith('/interaction/')) {
      const details = await provider.interactionDetails(context.req, context.res);
      let result = { login: { accountId: 'alice' } };
      if (details.prompt.name === 'consent') {
        const grant = new provider.Grant({ accountId: details.session.accountId, clientId: details.params.client_id });
        grant.addOIDCScope('openid offline_access read');
        result = { consent: { grantId: await grant.save() } };
      }
      const to = await provider.interactionResult(context.req, context.res, result, { mergeWithLastSubmission: true });
      return context.redirect(to);
    }
    if (context.path === '/api/data') {
      const [scheme, text] = (context.get('authorization') || '').split(' ');
      const held = (await provider.AccessToken.find(text ?? '')) ?? (await provider.ClientCredentials.find(text ?? ''));
      const bound = held?.jkt !== undefined;
      if (!held || (scheme === 'DPoP') !== bound) {
        context.status = 401;
        context.set('WWW-Authenticate', 'Bearer error="invalid_token"');
        context.body = { message: 'no' };
        return undefined;
      }
      context.body = { client: held.clientId, left: held.remainingTTL };
      return undefined;
    }
    return next();
  });
  server.on('request', provider.callback());
  console.log(JSON.stringify({ port, jwk: { ...clients, alg: 'ES256', kid: 'k1' } }));
});
process.stdin.on('end', () => process.exit(0)).resume();
