/** What a session is made of, checked once, with the defaults filled in. */
import type { Grant } from "./core/core.js";
import { Misconfigured } from "./core/errors.js";
import { Redacted } from "./core/secret.js";
import type { SessionEvent } from "./core/state.js";
import type { Jwk } from "./core/stored.js";
import type { Store } from "./stores/store.js";

/** How the client shows itself at the token endpoint (RFC 6749 2.3, RFC 7523). */
export type ClientAuth = "none" | "basic" | "post" | "private_key_jwt";

/** What a session needs of its surroundings. Tests put in their own. */
export interface Surroundings {
  /** As the global `fetch`, which is the default. */
  fetch?: ((input: string | URL | Request, init?: RequestInit) => Promise<Response>) | undefined;
  /** Milliseconds since 1970. Default: `Date.now`. */
  now?: (() => number) | undefined;
  /** Waits; rejects when the signal is aborted. Default: a timer. */
  sleep?: ((ms: number, signal?: AbortSignal) => Promise<void>) | undefined;
  /** A number of [0, 1) that spreads renewals and retries. Default: `Math.random`. Secrets never come from it. */
  random?: (() => number) | undefined;
}

/** Settings of every session. */
export interface CommonOptions extends Surroundings {
  /** Only these origins (`https://api.example`) get the token. Default: every `https` address and loopback. */
  origins?: readonly string[] | undefined;
  /** Lets tokens go over plain http to hosts other than loopback. Default: false. */
  insecureHttp?: boolean | undefined;
  /** Told what happens, without secrets. What it throws is ignored. */
  observer?: ((event: SessionEvent) => void) | undefined;
}

/** Settings of a session that asks an issuer. Either `issuer` or the endpoints are needed. */
export interface IssuerOptions extends CommonOptions {
  clientId: string;
  clientSecret?: string | undefined;
  /**
   * Default: `basic` with a secret (`post` if the issuer's metadata name that and not `basic`), `private_key_jwt` with a key,
   * else `none`.
   */
  clientAuth?: ClientAuth | undefined;
  /** The private key for `private_key_jwt`: ES256, RS256, PS256 or EdDSA, by its `alg` or its kind. */
  privateKey?: Jwk | undefined;
  /** `aud` of the client's assertions. Default: the issuer, else the token endpoint. */
  assertionAudience?: string | undefined;
  /** The issuer's address; its metadata (RFC 8414) names the endpoints that are not given here. */
  issuer?: string | undefined;
  tokenEndpoint?: string | undefined;
  authorizationEndpoint?: string | undefined;
  deviceEndpoint?: string | undefined;
  revocationEndpoint?: string | undefined;
  pushedEndpoint?: string | undefined;
  scope?: string | readonly string[] | undefined;
  /** RFC 8707. */
  resource?: readonly string[] | undefined;
  /** Further parameters of each token request. */
  extra?: Readonly<Record<string, string>> | undefined;
  /** Further parameters of each authorization request, such as `prompt`. */
  authorize?: Readonly<Record<string, string>> | undefined;
  /** Binds tokens to a key (RFC 9449). Default: false. */
  dpop?: boolean | undefined;
  /** Pushes authorization requests (RFC 9126) even if the issuer does not insist. Default: false. */
  pushed?: boolean | undefined;
  /** How long a call waits for a token, in milliseconds. Default: 60,000. */
  patienceMs?: number | undefined;
  /** How long one answer of the issuer is waited for, in milliseconds of real time. Default: 10,000. */
  timeoutMs?: number | undefined;
  /** Where tokens are kept and shared. Default: in this session alone. */
  store?: Store | undefined;
}

/** What differs by grant. */
export interface Given {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly refreshToken?: string | undefined;
  readonly accessToken?: string | undefined;
  /** Seconds that a given access token lives from now on. */
  readonly expiresIn?: number | undefined;
  /** Headers of an API key. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** The settings as the rest of the library reads them. Holds secrets, and does not print them. */
export class Settings extends Redacted {
  readonly fetch: NonNullable<Surroundings["fetch"]>;
  readonly now: () => number;
  readonly sleep: NonNullable<Surroundings["sleep"]>;
  readonly random: () => number;
  readonly scope: string | undefined;
  readonly auth: ClientAuth;
  readonly patience: number;
  readonly timeout: number;
  readonly origins: ReadonlySet<string> | undefined;
  readonly clientId: string;
  readonly store: Store | undefined;

  constructor(
    readonly grant: Grant,
    readonly options: Partial<IssuerOptions>,
    readonly given: Given,
  ) {
    super();
    // Called through the global each time, so that whoever replaces it later is heard.
    this.fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.now = options.now ?? Date.now;
    this.sleep = options.sleep ?? sleep;
    this.random = options.random ?? Math.random;
    const scope = typeof options.scope === "string" ? options.scope : options.scope?.join(" ");
    this.scope = scope?.trim() || undefined;
    this.auth = options.clientAuth ?? (options.clientSecret !== undefined ? "basic" : options.privateKey ? "private_key_jwt" : "none");
    this.patience = amount("patienceMs", options.patienceMs, 60_000);
    this.timeout = amount("timeoutMs", options.timeoutMs, 10_000);
    this.origins = options.origins && new Set(options.origins.map((origin) => address("origins", origin).origin));
    this.clientId = options.clientId ?? "";
    this.store = options.store;
    if (grant === "api_key" || grant === "access_token") {
      if (this.store) throw new Misconfigured(`a session of grant ${grant} has nothing to store`);
      return;
    }
    if (!this.clientId) throw new Misconfigured("clientId is missing");
    if (!options.issuer && !options.tokenEndpoint) throw new Misconfigured("either issuer or tokenEndpoint is needed");
    for (const name of ["issuer", "tokenEndpoint", "authorizationEndpoint", "deviceEndpoint", "revocationEndpoint", "pushedEndpoint"] as const) {
      const value = options[name];
      if (value !== undefined && !this.safe(address(name, value))) throw new Misconfigured(`${name} is not https: secrets would travel in plain text`);
    }
    if (this.auth === "private_key_jwt" && !options.privateKey) throw new Misconfigured("private_key_jwt needs privateKey");
    if ((this.auth === "basic" || this.auth === "post") && options.clientSecret === undefined)
      throw new Misconfigured(`${this.auth} needs clientSecret`);
  }

  /** Whether secrets may travel to an address: https, loopback, or by special permission. */
  safe(url: URL): boolean {
    return url.protocol === "https:" || (url.protocol === "http:" && (this.options.insecureHttp === true || loopback(url.hostname)));
  }

  /** Whether a call to an address gets the token. */
  sends(url: URL): boolean {
    return this.safe(url) && (this.origins === undefined || this.origins.has(url.origin));
  }

  /** Tells the observer, and survives it. */
  emit(event: SessionEvent): void {
    try {
      this.options.observer?.(event);
    } catch {
      // An observer that fails must not fail the call that it observes.
    }
  }
}

/** 127.0.0.0/8, ::1 and localhost with its subdomains (RFC 6761 6.3). */
function loopback(host: string): boolean {
  return /^127(\.\d{1,3}){3}$/.test(host) || host === "[::1]" || host === "localhost" || host.endsWith(".localhost");
}

/** An address of the settings, as a URL. */
export function address(name: string, value: string | URL): URL {
  try {
    return new URL(value);
  } catch {
    throw new Misconfigured(`${name} is not an absolute address`);
  }
}

function amount(name: string, value: number | undefined, standard: number): number {
  if (value === undefined) return standard;
  if (!(value >= 0)) throw new Misconfigured(`${name} must be a number of milliseconds`);
  return value;
}

/** A timer that a signal ends. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const aborted = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    // Timers overflow at 2^31 ms.
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    }, Math.min(Math.max(0, ms), 2_000_000_000));
    signal?.addEventListener("abort", aborted, { once: true });
  });
}
