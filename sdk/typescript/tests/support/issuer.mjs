// An issuer and an API in this process, behind an injected fetch. Tokens are t1, t2 ...
import { Clock } from "./clock.mjs";

export const NOW = Date.parse("2026-01-05T09:00:00Z");
export const TOKEN = "https://issuer.example/token";
export const API = "https://api.example";

/** `answer(url, init, headers)` may answer anything itself; what it leaves alone is played here. */
export function surroundings(answer = () => undefined, lifetime = 600) {
  const clock = new Clock(NOW);
  const calls = [];
  let issued = 0;
  const fetch = async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const headers = new Headers(init.headers);
    calls.push({ url: url.href, method: init.method ?? "GET", authorization: headers.get("authorization"), headers, init });
    init.signal?.throwIfAborted();
    const own = await answer(url, init, headers, calls);
    if (own) return own;
    if (url.href === TOKEN) return Response.json({ access_token: `t${++issued}`, refresh_token: `r${issued}`, expires_in: lifetime });
    return new Response("ok");
  };
  return {
    clock,
    calls,
    to: (part) => calls.filter(({ url }) => url.startsWith(part)),
    options: { tokenEndpoint: TOKEN, clientId: "app", clientSecret: "s3cret", fetch, now: clock.now, sleep: clock.sleep, random: () => 0 },
  };
}
