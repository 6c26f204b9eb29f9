/**
 * What a session holds, and how it changes. No clock, no network, no files: all of that comes in as arguments,
 * so that every rule of `sdk/BEHAVIOUR.md` 1, 4 and 5 can be tested in microseconds.
 */
import { Redacted } from "./secret.js";
import { backoff, LONGEST_WAIT_MS, windows, type Windows } from "./schedule.js";
import type { Need, State } from "./state.js";
import type { Jwk, Stored } from "./stored.js";

/** How a session gets its tokens. */
export type Grant =
  | "client_credentials"
  | "authorization_code"
  | "device"
  | "refresh_token"
  | "password"
  | "api_key"
  | "access_token";

/** A token and its moments. */
export class Held extends Redacted implements Windows {
  readonly endsAt: number | undefined;
  readonly renewAt: number | undefined;
  readonly usableUntil: number | undefined;
  readonly #text: string;

  constructor(
    text: string,
    readonly type: "Bearer" | "DPoP",
    readonly scope: string | undefined,
    readonly sentAt: number,
    moments: Windows,
  ) {
    super();
    this.#text = text;
    this.endsAt = moments.endsAt;
    this.renewAt = moments.renewAt;
    this.usableUntil = moments.usableUntil;
  }
  get text(): string {
    return this.#text;
  }
}

/** What a token answer says (RFC 6749 5.1), read and checked. */
export interface Granted {
  readonly accessToken: string;
  readonly type: "Bearer" | "DPoP";
  readonly lifetime: number | undefined;
  readonly refreshIn: number | undefined;
  readonly refreshToken: string | undefined;
  readonly scope: string | undefined;
}

/** `use`: the token and nothing else. `early`: one renews. `must`: all wait. */
export type Phase = "use" | "early" | "must";

/** A refusal of the client is tried again by a call after this long: a setting may have been mended. */
const REFUSED_FOR_MS = 60_000;

export class Core extends Redacted {
  #token: Held | undefined;
  #refreshToken: string | undefined;
  /** A token that was answered 401. It is never handed out again. */
  #refusedToken: string | undefined;
  /** A refresh token that was refused. It is never sent again. */
  #deadRefresh: string | undefined;
  /** The seed of what was found at the first look, where that was of another given refresh token. */
  #oldSeed: string | undefined;
  /** A store was read once. */
  #looked = false;
  #unknown: { readonly [member: string]: unknown } = {};
  lost = false;
  failures = 0;
  notBefore: number | undefined;
  /** Why it is waiting, in words. */
  why = "";
  /** Answers in a row that were no token though they said 200. */
  garbage = 0;
  need: Need | undefined;
  #neededAt = 0;
  skew = 0;
  generation = 0;
  /** What is in memory could not be written: it is newer than the store. */
  unsaved = false;
  closed = false;
  /** Which given refresh token what is held grew from. */
  seed: string | undefined;
  dpopJwk: Jwk | undefined;

  constructor(
    readonly grant: Grant,
    private readonly askedScope: string | undefined,
    given: { accessToken?: Held | undefined; refreshToken?: string | undefined } = {},
  ) {
    super();
    this.#token = given.accessToken;
    this.#refreshToken = given.refreshToken;
  }

  get token(): Held | undefined {
    return this.#token;
  }
  get refreshToken(): string | undefined {
    return this.#refreshToken;
  }

  /** A person has to sign in to get the grant. */
  get needsPerson(): boolean {
    return this.grant === "authorization_code" || this.grant === "device";
  }

  /** Whether an attempt could bring a token without anybody acting. */
  get renewable(): boolean {
    return this.#refreshToken !== undefined || this.grant === "client_credentials" || this.grant === "password";
  }

  good(now: number): boolean {
    const token = this.#token;
    return (
      token !== undefined && token.text !== this.#refusedToken && (token.usableUntil === undefined || now < token.usableUntil)
    );
  }

  phase(now: number): Phase {
    if (!this.good(now)) return "must";
    const renewAt = this.#token?.renewAt;
    return renewAt === undefined || now < renewAt ? "use" : "early";
  }

  /** Milliseconds until anybody may ask again; 0 if now. A clock that was set back does not make it longer than an hour. */
  wait(now: number): number {
    if (this.notBefore === undefined || this.notBefore <= now) return 0;
    const left = this.notBefore - now;
    return left > LONGEST_WAIT_MS + 1_000 ? 0 : left;
  }

  state(now: number): State {
    if (this.closed) return { kind: "closed" };
    if (this.good(now)) return { kind: "live", endsAt: this.#token?.endsAt };
    if (this.need) return { kind: "needs_login", ...this.need };
    if (this.wait(now) > 0) return { kind: "waiting", until: this.notBefore ?? now, reason: this.why || "the last attempt failed" };
    return { kind: "idle" };
  }

  /** The need that stands in the way of an attempt; a refused client may be tried again after a while. */
  standing(now: number): Need | undefined {
    if (this.need?.reason === "client_refused" && Math.abs(now - this.#neededAt) >= REFUSED_FOR_MS) this.need = undefined;
    return this.need;
  }

  /** A token came. `sentAt` is when its request was sent, `u` draws its renewal. */
  granted(answer: Granted, sentAt: number, u: number): void {
    if (answer.refreshToken !== undefined) this.#refreshToken = answer.refreshToken;
    const scope = answer.scope ?? this.askedScope;
    const moments = windows(sentAt, answer.lifetime, answer.refreshIn, u, !this.renewable);
    this.#token = new Held(answer.accessToken, answer.type, scope, sentAt, moments);
    this.#refusedToken = undefined;
    this.settled();
  }

  /** Forgets failures and needs: something good is held. */
  private settled(): void {
    this.lost = false;
    this.failures = 0;
    this.garbage = 0;
    this.notBefore = undefined;
    this.why = "";
    this.need = undefined;
  }

  /** An attempt failed in passing. Gives the moment from which anybody may try again. */
  failed(why: string, retryAfter: number | undefined, now: number, u: number): number {
    this.notBefore = now + backoff(this.failures, retryAfter, u);
    this.failures += 1;
    this.why = why;
    return this.notBefore;
  }

  /** No attempt can help until somebody acts. */
  needs(need: Need, now: number): void {
    this.need = need;
    this.#neededAt = now;
  }

  /** The token was answered 401. */
  refuseToken(text: string): void {
    this.#refusedToken = text;
  }

  /** The refresh token was refused: it is not sent again, and leaves the store with the next write. */
  refuseRefresh(): void {
    this.#deadRefresh = this.#refreshToken;
    this.#refreshToken = undefined;
    this.lost = false;
  }

  /** Whether a store holds what ends a wait: a good token that differs from the one that is to be replaced. */
  offers(stored: Stored, now: number): boolean {
    const text = stored.accessToken;
    return (
      !this.#outgrown(stored) &&
      text !== undefined &&
      text !== this.#token?.text &&
      text !== this.#refusedToken &&
      (stored.usableUntil === undefined || now < stored.usableUntil)
    );
  }

  /** A person gave this session another refresh token than the one that all of this grew from: the given one counts. */
  #outgrown(stored: Stored): boolean {
    const another = this.seed !== undefined && stored.seed !== undefined && stored.seed !== this.seed;
    return another && (!this.#looked || stored.seed === this.#oldSeed);
  }

  /** Takes over what another process wrote. True if that brought a good token that was not held. */
  adopt(stored: Stored, now: number): boolean {
    if (this.#outgrown(stored)) {
      this.#looked = true;
      this.#oldSeed = stored.seed;
      this.generation = stored.generation;
      this.#unknown = stored.unknown;
      return false;
    }
    const taken = this.offers(stored, now);
    const news = stored.generation !== this.generation && !(this.unsaved && stored.generation <= this.generation);
    if (!taken && !news) return false;
    this.generation = Math.max(stored.generation, this.unsaved ? this.generation : 0);
    this.unsaved = false;
    this.#unknown = stored.unknown;
    if (stored.dpopJwk) this.dpopJwk = stored.dpopJwk;
    if (Math.abs(stored.skew - this.skew) > 2_000) this.skew = stored.skew;
    if (stored.refreshToken !== undefined && stored.refreshToken !== this.#deadRefresh) {
      if (stored.refreshToken !== this.#refreshToken && !taken && this.need?.reason !== "client_refused") this.need = undefined;
      this.#refreshToken = stored.refreshToken;
    } else {
      // Another process saw it refused.
      this.#refreshToken = undefined;
    }
    this.#looked = true;
    this.seed = stored.seed ?? this.seed;
    if (taken && stored.accessToken !== undefined) {
      this.#token = new Held(stored.accessToken, stored.tokenType, stored.scope, stored.sentAt, stored);
      this.#refusedToken = undefined;
      this.settled();
    }
    this.lost = stored.lost;
    this.failures = stored.failures;
    this.notBefore = stored.notBefore;
    return taken;
  }

  /** What is to be written, one generation on. */
  snapshot(owner: string): Stored {
    const token = this.#token?.text === this.#refusedToken ? undefined : this.#token;
    return {
      owner,
      generation: this.generation + 1,
      accessToken: token?.text,
      tokenType: token?.type ?? "Bearer",
      scope: token?.scope,
      sentAt: token?.sentAt ?? 0,
      endsAt: token?.endsAt,
      renewAt: token?.renewAt,
      usableUntil: token?.usableUntil,
      refreshToken: this.#refreshToken,
      lost: this.lost,
      failures: this.failures,
      notBefore: this.notBefore,
      skew: this.skew,
      dpopJwk: this.dpopJwk,
      seed: this.seed,
      unknown: this.#unknown,
    };
  }

  /** Forgets all credentials. */
  forget(): void {
    this.#token = undefined;
    this.#refreshToken = undefined;
    this.settled();
  }
}
