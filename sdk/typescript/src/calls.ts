/** Authorized calls: the headers of one request, and what an answer to it means (`sdk/BEHAVIOUR.md` 6). */
import { Held } from "./core/core.js";
import { Misconfigured, NeedsLogin, SessionError, Unavailable, Closed, Refused } from "./core/errors.js";
import { Fresh } from "./core/fresh.js";
import { AuthorizationHeaders } from "./core/secret.js";
import { skewOf } from "./core/schedule.js";
import { errorOf, parameters, refusalOf } from "./refusal.js";
import type { Renewer } from "./renewer.js";
import { address, type Settings } from "./settings.js";
import { needOf } from "./wire/verdict.js";

/** One request as it was authorized. */
export interface Authorized {
  readonly headers: Record<string, string>;
  readonly token: Held | undefined;
  readonly nonce: string | undefined;
  /** When that was, and how far the issuer's clock was believed to be ahead. */
  readonly at: number;
  readonly skew: number;
}

/** What to do with an answer. */
export type Next = "return" | "again" | "again_with_nonce" | "again_with_time";

type Since = number | "unknown" | undefined;

const MOST_REDIRECTS = 20;
/** Headers that the session sets, and takes away before another origin. */
const OURS = ["authorization", "dpop"];

export class Calls {
  readonly #settings: Settings;
  readonly #renewer: Renewer;
  readonly #fresh = new Fresh();

  constructor(settings: Settings, renewer: Renewer) {
    this.#settings = settings;
    this.#renewer = renewer;
  }

  /** Checks the address before anything is asked or sent. */
  #check(target: string | URL): URL {
    const url = address("the address of a call", target);
    if (!this.#settings.sends(url)) throw new Misconfigured(`no token is sent to ${url.origin}: it is neither https nor loopback, or not in origins`);
    return url;
  }

  /** The headers of one request. */
  async authorize(method: string, target: string | URL, signal?: AbortSignal | null): Promise<Authorized> {
    const url = this.#check(target);
    const keys = this.#settings.given.headers;
    if (keys) {
      if (this.#renewer.core.closed) throw new Closed();
      const need = this.#renewer.core.standing(this.#settings.now());
      if (need) throw new NeedsLogin(need);
      return { headers: AuthorizationHeaders.of({ ...keys }), token: undefined, nonce: undefined, at: 0, skew: 0 };
    }
    const token = this.#renewer.current() ?? (await this.#renewer.ready(signal));
    if (token.type === "Bearer") {
      return { headers: AuthorizationHeaders.of({ authorization: `Bearer ${token.text}` }), token, nonce: undefined, at: 0, skew: 0 };
    }
    const nonce = this.#renewer.issuer.nonces.get(url.origin);
    const at = this.#settings.now();
    const { skew } = this.#renewer.core;
    const proof = await (await this.#renewer.proofKey()).proof(method, url, at + skew, nonce, token.text);
    return { headers: AuthorizationHeaders.of({ authorization: `DPoP ${token.text}`, dpop: proof }), token, nonce, at, skew };
  }

  /**
   * Looks at an answer and renews if that can help. `replayable`: the request can be sent once more.
   * `since`: when the 401 came after which it was sent again; `undefined` the first time, "unknown" of a call told of by hand.
   */
  async answered(target: string | URL, response: Response, sent: Authorized, replayable: boolean, since: Since, signal?: AbortSignal | null): Promise<Next> {
    const { nonces } = this.#renewer.issuer;
    const nonce = response.headers.get("dpop-nonce");
    if (nonce) nonces.set(new URL(target).origin, nonce);
    if (response.status !== 401) {
      this.#fresh.taken();
      return "return";
    }
    const challenge = parameters(response.headers.get("www-authenticate"));
    if (sent.token?.type === "DPoP" && challenge["error"] === "use_dpop_nonce" && nonce && nonce !== sent.nonce)
      return replayable ? "again_with_nonce" : "return";
    if (sent.token?.type === "DPoP" && challenge["error"] === "invalid_dpop_proof" && replayable && this.#clockWasWrong(response, sent)) return "again_with_time";
    return this.#refused(response, sent, replayable, since, signal);
  }

  /** Whether a proof was refused while the answer's `Date` shows that it had the wrong time. The right one is kept. */
  #clockWasWrong(response: Response, sent: Authorized): boolean {
    const { core } = this.#renewer;
    const measured = skewOf(response.headers.get("date"), sent.at, this.#settings.now());
    if (measured === undefined || Math.abs(measured - sent.skew) <= 30_000) return false;
    if (Math.abs(measured - core.skew) > 2_000) {
      core.skew = measured;
      this.#settings.emit({ name: "skew", ms: measured });
    }
    return true;
  }

  async #refused(response: Response, sent: Authorized, replayable: boolean, since: Since, signal?: AbortSignal | null): Promise<Next> {
    const { core } = this.#renewer;
    const { now } = this.#settings;
    const refusal = await refusalOf(response, now(), core.skew);
    const failure = { why: refusal.error, refusal };
    const stillThis = sent.token === undefined || core.token?.text === sent.token.text;
    if (refusal.cause === "session.displaced") {
      if (sent.token && stillThis) {
        core.refuseToken(sent.token.text);
        this.#renewer.needs(needOf("displaced", failure));
      }
      return "return";
    }
    // A cause that no new token mends is the program's business, unless it ends the only credential there is.
    const ends = !core.renewable && /^(credential|environment|grant)\./.test(refusal.cause ?? "");
    if (refusal.renew === false && !ends) return "return";
    if (refusal.error === "insufficient_scope") return "return";
    const isGood = stillThis && core.good(now());
    if (since !== undefined && !this.#saysNothing(sent, since)) {
      if (isGood && sent.token) this.#fresh.refused(sent.token.text, now(), this.#settings.random());
      return "return";
    }
    if (stillThis && (sent.token === undefined || !core.renewable)) {
      // Another program may have signed in anew; the next call looks into the store.
      if (sent.token) core.refuseToken(sent.token.text);
      this.#renewer.needs(needOf(core.needsPerson ? "grant_ended" : "key_refused", failure));
      return "return";
    }
    if (isGood && this.#fresh.holds(now())) return "return";
    if (stillThis && sent.token) core.refuseToken(sent.token.text);
    try {
      await this.#renewer.ready(signal);
    } catch (error) {
      if (!replayable && error instanceof SessionError) return "return";
      throw withOrigin(error, errorOf(refusal));
    }
    return replayable ? "again" : "return";
  }

  /**
   * Whether a repeated call was refused for a reason that says nothing against the next token: its token ended before it
   * was looked at, or it was asked for before the first refusal came. Then another process or caller had it already, and what
   * killed the first may have killed it too. Neither can go on: tokens end seldom, and a new one is asked for later.
   */
  #saysNothing({ token }: Authorized, since: number | "unknown"): boolean {
    const now = this.#settings.now();
    if (token === undefined) return false;
    const ended = token.usableUntil !== undefined && now >= token.usableUntil;
    if (since === "unknown") return ended;
    return now - since < this.#settings.patience && (ended || token.sentAt < since);
  }

  /** As the global `fetch`, with the session's headers. */
  async fetch(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
    const request = input instanceof Request ? input : undefined;
    let url = request ? request.url : String(input instanceof URL ? input : absolute(input as string));
    let method = (init.method ?? request?.method ?? "GET").toUpperCase();
    const signal = init.signal === undefined ? request?.signal : init.signal;
    const headers = new Headers(init.headers ?? request?.headers);
    let body: RequestInit["body"] = init.body ?? (request?.body as RequestInit["body"]) ?? null;
    const replayable = !isStream(body);
    const wish = init.redirect ?? request?.redirect ?? "follow";
    let ours = true;
    const first = new URL(url).origin;
    for (let redirects = 0; ; redirects++) {
      const follows = this.#mode(wish);
      const response = await this.#hop(request && redirects === 0 ? request : url, { ...init, method, headers, body, signal: signal ?? null, redirect: follows }, ours, replayable);
      const place = response.headers.get("location");
      if (follows !== "manual" || wish === "manual" || !place || ![301, 302, 303, 307, 308].includes(response.status)) return response;
      if (wish === "error" || redirects >= MOST_REDIRECTS) throw new TypeError("fetch failed: the answer was a redirect");
      const next = new URL(place, url);
      if (next.protocol !== "http:" && next.protocol !== "https:") throw new TypeError("fetch failed: the answer redirects to another scheme");
      void response.body?.cancel().catch(() => undefined);
      const changes = response.status === 303 ? method !== "GET" && method !== "HEAD" : response.status <= 302 && method === "POST";
      if (changes) {
        method = "GET";
        body = null;
        for (const name of ["content-type", "content-length", "content-encoding", "content-language", "content-location"]) headers.delete(name);
      } else if (!replayable) {
        throw new TypeError("fetch failed: the answer redirects a body that cannot be sent again");
      }
      // Once elsewhere, the headers do not come back: the answer from there may lead anywhere.
      if (next.origin !== first) {
        ours = false;
        for (const name of [...OURS, "cookie", ...Object.keys(this.#settings.given.headers ?? {})]) headers.delete(name);
      }
      url = next.href;
    }
  }

  /**
   * Redirects are followed here, because `fetch` itself would take headers of keys and proofs along. Browsers do not show
   * where a redirect leads: there, bearer tokens leave it to the browser, which drops `Authorization`, and others fail.
   */
  #mode(wish: RequestRedirect): RequestRedirect {
    if (wish === "manual" || !inBrowser()) return "manual";
    return wish === "follow" && !this.#settings.given.headers && !this.#settings.options.dpop ? "follow" : "error";
  }

  /** One request without its redirects: sent, and sent again if that can help. */
  async #hop(target: string | Request, init: RequestInit, ours: boolean, replayable: boolean): Promise<Response> {
    const { fetch } = this.#settings;
    if (!ours) return fetch(target, init);
    const url = typeof target === "string" ? target : target.url;
    const method = init.method ?? "GET";
    let since: number | undefined;
    let corrected = false;
    for (let nonces = 0; ; ) {
      const sent = await this.authorize(method, url, init.signal);
      const headers = new Headers(init.headers);
      for (const [name, value] of Object.entries(sent.headers)) headers.set(name, value);
      // A body that streams needs to be told so; a Request that is sent twice is sent as its parts.
      const more = replayable ? {} : { duplex: "half" };
      const response = await fetch(url, { ...parts(target), ...init, headers, ...more } as RequestInit);
      const came = this.#settings.now();
      const next = await this.answered(url, response, sent, replayable, since, init.signal);
      if (next === "return" || (next === "again_with_nonce" && ++nonces > 2)) return response;
      if (next === "again_with_time" && corrected) return response;
      if (next === "again_with_time") corrected = true;
      if (next === "again") since ??= came;
      void response.body?.cancel().catch(() => undefined);
    }
  }
}

/** The members of a Request that `fetch(url, init)` would otherwise miss. */
function parts(target: string | Request): RequestInit {
  if (typeof target === "string") return {};
  const { cache, credentials, integrity, keepalive, mode, referrer, referrerPolicy } = target;
  // A navigation's mode and a referrer of "about:client" are defaults that cannot be given.
  return {
    ...(cache === undefined ? {} : { cache }),
    ...(credentials === undefined ? {} : { credentials }),
    ...(integrity ? { integrity } : {}),
    ...(keepalive ? { keepalive } : {}),
    ...(mode === undefined || mode === "navigate" ? {} : { mode }),
    ...(referrer && referrer !== "about:client" ? { referrer } : {}),
    ...(referrerPolicy ? { referrerPolicy } : {}),
  };
}

/** A body that is gone once it was sent: streams, iterables, and those of Request objects. */
function isStream(body: unknown): boolean {
  if (typeof body !== "object" || body === null) return false;
  return "getReader" in body || (Symbol.asyncIterator in body && !(body instanceof Uint8Array));
}

/** Relative addresses have a meaning in pages alone. */
function absolute(input: string): string {
  const base = (globalThis as { document?: { baseURI?: string }; location?: { href?: string } }).document?.baseURI;
  try {
    return new URL(input, base).href;
  } catch {
    throw new TypeError("fetch needs an absolute address");
  }
}

/** Whether `fetch` is a browser's. Bundlers bring a `process` along, but not one of Node. */
function inBrowser(): boolean {
  const host = globalThis as { document?: unknown; WorkerGlobalScope?: unknown; Deno?: unknown; process?: { versions?: { node?: string } } };
  return !host.Deno && !host.process?.versions?.node && (host.document !== undefined || host.WorkerGlobalScope !== undefined);
}

/** The renewal's error, with the refusal of the answer that began it. Shared errors are not touched. */
function withOrigin(error: unknown, origin: Refused): unknown {
  if (error instanceof NeedsLogin) {
    const { reason, causeId, whoCanAct, remedy, link } = error;
    const own = new NeedsLogin({ reason, cause: causeId, whoCanAct, remedy, link, detail: undefined }, origin);
    own.message = error.message;
    own.refusal = origin.refusal;
    return own;
  }
  if (error instanceof Unavailable) {
    const own = new Unavailable(error.reason, error.retryAt, origin);
    own.refusal = origin.refusal;
    return own;
  }
  return error;
}
