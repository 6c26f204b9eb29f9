// npm @node-oauth/oauth2-server: client credentials, password and refresh tokens that are strictly used once.
//
//   node oauth2-server.mjs SECONDS     prints {"port": N}; ends when standard input is closed

import { createServer } from 'node:http';
import OAuth2Server from '@node-oauth/oauth2-server';

const seconds = Number(process.argv[2] ?? 3);
const tokens = new Map();
const refreshTokens = new Map();
const client = { id: 'app', grants: ['client_credentials', 'password', 'refresh_token'], accessTokenLifetime: seconds, refreshTokenLifetime: 3600 };

const model = {
  getClient: async (id, secret) => (id === 'app' && (secret === null || secret === 's3cret') ? client : null),
  getUser: async (name, password) => (name === 'alice' && password === 'p4ss-of-person' ? { name } : null),
  getUserFromClient: async () => ({ name: 'app' }),
  validateScope: async (_user, _client, scope) => scope ?? ['read'],
  saveToken: async (token, of, user) => {
    const kept = { ...token, client: of, user };
    tokens.set(token.accessToken, kept);
    if (token.refreshToken) refreshTokens.set(token.refreshToken, kept);
    return kept;
  },
  getAccessToken: async (text) => tokens.get(text) ?? null,
  getRefreshToken: async (text) => refreshTokens.get(text) ?? null,
  revokeToken: async (token) => refreshTokens.delete(token.refreshToken),
};
const oauth = new OAuth2Server({ model, requireClientAuthentication: { password: true } });

const server = createServer(async (incoming, outgoing) => {
  let text = '';
  for await (const part of incoming) text += part;
  const { pathname, searchParams } = new URL(incoming.url, 'http://127.0.0.1');
  const request = new OAuth2Server.Request({
    method: incoming.method, headers: { ...incoming.headers, ...(text && { 'content-length': String(text.length) }) },
    query: Object.fromEntries(searchParams), body: Object.fromEntries(new URLSearchParams(text)),
  });
  const response = new OAuth2Server.Response();
  const answer = (status, headers, body) => {
    outgoing.writeHead(status, { 'content-type': 'application/json', ...headers });
    outgoing.end(JSON.stringify(body));
  };
  try {
    if (pathname === '/token') {
      await oauth.token(request, response);
      return answer(response.status, response.headers, response.body);
    }
    const token = await oauth.authenticate(request, response);
    return answer(200, {}, { client: token.client.id });
  } catch (error) {
    return answer(error.code ?? 500, response.headers, { error: error.name, error_description: error.message });
  }
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
process.stdin.on('end', () => process.exit(0)).resume();
