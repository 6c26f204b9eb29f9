/**
 * Keeps one session's token good: decides with the core, and does what it decides. One attempt at a time in this
 * program, and one among all programs that share the store (`sdk/BEHAVIOUR.md` 4 and 5).
 */
import { Core, Held } from "./core/core.js";
import { Closed, NeedsLogin, Unavailable } from "./core/errors.js";
import type { Need, State } from "./core/state.js";
import { Keeper } from "./keeper.js";
import type { Settings } from "./settings.js";
import { LockTimeout, type StoreLock } from "./stores/store.js";
import { ProofKey } from "./wire/crypto.js";
import { Issuer } from "./wire/issuer.js";
import { needOf, type Failure, type Final, type Success } from "./wire/verdict.js";

/** How a renewal that all wait for ended. Each waiter makes an error of its own of it. */
type Outcome =
  | { readonly kind: "good" | "closed" }
  | { readonly kind: "need"; readonly need: Need }
  | { readonly kind: "unavailable"; readonly why: string; readonly retryAt: number };

/** Answers in a row that said 200 and were none, after which a call fails. */
const GARBAGE_IN_A_ROW = 3;

export class Renewer {
  readonly core: Core;
  readonly issuer: Issuer;
  readonly keeper: Keeper;
  readonly #settings: Settings;
  readonly #closing = new AbortController();
  /** The one attempt of this program that is under way. */
  #attempting: Promise<void> | undefined;
  /** The one renewal that all wait for who have no good token. */
  #renewing: Promise<Outcome> | undefined;
  #proofKey: { jwk: unknown; key: Promise<ProofKey> } | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(settings: Settings) {
    this.#settings = settings;
    const { given, now } = settings;
    const seconds = given.expiresIn;
    const end = seconds === undefined ? {} : { endsAt: now() + seconds * 1000, usableUntil: now() + seconds * 1000 };
    this.core = new Core(settings.grant, settings.scope, {
      refreshToken: given.refreshToken,
      accessToken: given.accessToken === undefined ? undefined : new Held(given.accessToken, "Bearer", settings.scope, now(), end),
    });
    if (this.core.needsPerson) this.core.needs(needOf("never_signed_in"), now());
    this.issuer = new Issuer(settings, this.core, () => this.proofKey());
    this.keeper = new Keeper(settings, this.core, () => this.#changed());
  }

  /** The state as of now. Looks into the store once, if nothing was read from it yet and it answers at once. */
  state(): State {
    const { now } = this.#settings;
    const stored = this.core.good(now()) ? undefined : this.keeper.glance(now());
    if (stored) return { kind: "live", endsAt: stored.endsAt };
    return this.core.state(now());
  }

  /** A token that is good, if there is one that needs nothing done. The way of almost every call. */
  current(): Held | undefined {
    return !this.core.closed && this.core.phase(this.#settings.now()) === "use" ? this.core.token : undefined;
  }

  /** Waits for a good token. A caller that is aborted leaves; the renewal goes on for the others. */
  async ready(signal?: AbortSignal | null): Promise<Held> {
    const { now } = this.#settings;
    for (;;) {
      signal?.throwIfAborted();
      if (this.core.closed) throw new Closed();
      const token = this.core.token;
      const phase = this.core.phase(now());
      if (phase === "use" && token) return token;
      if (phase === "early" && token) {
        // One caller renews; the others, and those who come while nobody may ask, go on with the token.
        if (this.#attempting || this.core.wait(now()) > 0 || this.core.standing(now())) return token;
        await this.#early(signal);
        if (this.core.token && this.core.good(now())) return this.core.token;
        continue;
      }
      const outcome = await abortable((this.#renewing ??= this.#renew().finally(() => (this.#renewing = undefined))), signal);
      if (outcome.kind === "need") throw new NeedsLogin(outcome.need);
      if (outcome.kind === "unavailable") throw new Unavailable(outcome.why, outcome.retryAt);
    }
  }

  /** One attempt before the token has to be replaced. Whoever finds the store's lock taken does not wait for it. */
  async #early(signal?: AbortSignal | null): Promise<void> {
    let contended = (): void => undefined;
    const busy = new Promise<void>((resolve) => (contended = resolve));
    const attempt = this.#once(this.#settings.patience, true, contended).catch((error: unknown) => this.keeper.failed(error));
    await abortable(Promise.race([attempt, busy]), signal);
  }

  /** Tries until there is a good token, somebody has to act, or patience is over. */
  async #renew(): Promise<Outcome> {
    const { now, sleep, patience } = this.#settings;
    const began = now();
    const real = performance.now();
    // A clock that is corrected meanwhile makes the wait neither endless nor void.
    const left = (): number => patience - Math.max(slept, Math.min(now() - began, slept + performance.now() - real));
    let slept = 0;
    for (;;) {
      if (this.core.closed) return { kind: "closed" };
      if (this.core.good(now())) return { kind: "good" };
      if (this.core.standing(now())) await this.keeper.look();
      if (this.core.good(now())) return { kind: "good" };
      // Not "nobody has signed in yet": somebody had. The holder of the lock says so, and puts the file aside.
      if (this.keeper.corrupt && this.core.need?.reason === "never_signed_in") this.core.need = undefined;
      const need = this.core.standing(now());
      if (need) return { kind: "need", need };
      const wait = this.core.wait(now());
      if (wait > 0) {
        if (wait > left()) return this.#unavailable();
        try {
          await sleep(wait, this.#closing.signal);
        } catch {
          continue;
        }
        slept += wait;
      }
      try {
        await this.#once(Math.max(left(), 100), false);
      } catch (error) {
        if (error instanceof LockTimeout) return { kind: "unavailable", why: error.message, retryAt: now() };
        throw error;
      }
      if (this.core.garbage >= GARBAGE_IN_A_ROW) {
        this.core.garbage = 0;
        return this.#unavailable();
      }
    }
  }

  #unavailable(): Outcome {
    return { kind: "unavailable", why: this.core.why || "asked too soon", retryAt: this.core.notBefore ?? this.#settings.now() };
  }

  /** The attempt that is under way, or a new one. */
  #once(patience: number, early: boolean, contended?: () => void): Promise<void> {
    return (this.#attempting ??= this.#attempt(patience, early, contended).finally(() => (this.#attempting = undefined)));
  }

  /** One attempt: lock, look, ask, write, let go. */
  async #attempt(patience: number, early: boolean, contended?: () => void): Promise<void> {
    const { store, now } = this.#settings;
    if (!store) return this.#ask(undefined, early);
    if ((await this.keeper.look()) || this.core.wait(now()) > 0) return;
    let lock: StoreLock | undefined;
    try {
      lock = await this.keeper.lock({ patience, contended });
      if (!lock) return void (await this.keeper.look());
    } catch (error) {
      if (error instanceof LockTimeout) throw error;
      // No lock can be made (disk full, read-only): better a renewal that others do not know of than none.
      this.keeper.failed(error);
      return this.#ask(undefined, early);
    }
    try {
      if ((await this.keeper.look(lock)) || this.core.wait(now()) > 0 || this.core.closed) return;
      await this.#ask(lock, early);
    } finally {
      await this.keeper.release(lock);
    }
  }

  /** Looks into the store for a token that another program renewed, without asking anybody. */
  async look(): Promise<void> {
    if (!this.core.closed) await this.keeper.look();
  }

  /** Asks the issuer, learns from the answer, and writes what was learnt. */
  async #ask(lock: StoreLock | undefined, early: boolean): Promise<void> {
    const { given, grant, scope } = this.#settings;
    let secondToken = false;
    let signOn = this.core.refreshToken === undefined;
    for (;;) {
      const sent = signOn ? undefined : this.core.refreshToken;
      let answer: Success | Failure;
      if (sent !== undefined) {
        answer = await this.issuer.token({ grant_type: "refresh_token", refresh_token: sent }, false);
      } else if (grant === "client_credentials") {
        answer = await this.issuer.token({ grant_type: "client_credentials" }, scope !== undefined);
      } else if (grant === "password") {
        answer = await this.issuer.token({ grant_type: "password", username: given.username ?? "", password: given.password ?? "" }, true);
      } else {
        return this.needs(this.#cannotRenew());
      }
      if (answer.kind === "granted" || answer.kind === "passing") return this.settle(answer, lock, early, sent !== undefined);
      if (answer.refusal?.error !== "invalid_grant" || sent === undefined) {
        return this.#refused(answer);
      }
      // A newer refresh token of another program comes before giving anything up.
      if (!secondToken && lock && ((await this.keeper.look()) || (this.core.refreshToken !== undefined && this.core.refreshToken !== sent))) {
        if (this.core.good(this.#settings.now())) return;
        secondToken = true;
        continue;
      }
      if (answer.refusal.cause === "session.displaced") return this.#refused(answer);
      const reason = this.core.lost ? "refresh_lost" : "grant_ended";
      this.core.refuseRefresh();
      if (grant === "password" || grant === "client_credentials") {
        signOn = true;
        continue;
      }
      this.needs(needOf(reason, answer));
      return this.keeper.save(lock);
    }
  }

  #cannotRenew(): Need {
    if (this.keeper.corrupt) return needOf("store_corrupt");
    if (this.core.need) return this.core.need;
    if (this.#settings.grant === "access_token") return needOf("key_refused", { why: "the token has ended", refusal: undefined });
    return needOf(this.core.needsPerson && !this.core.token ? "never_signed_in" : "grant_ended");
  }

  /** A final answer. */
  #refused(answer: Final): void {
    this.needs(needOf(answer.refusal?.cause === "session.displaced" ? "displaced" : "client_refused", answer));
  }

  /** Takes over what an answer brought, and writes it. */
  async settle(answer: Success | Extract<Failure, { kind: "passing" }>, lock: StoreLock | undefined, early: boolean, refreshing: boolean): Promise<void> {
    const { now, random } = this.#settings;
    if (answer.kind === "granted") {
      this.core.granted(answer.granted, answer.sentAt, random());
      this.keeper.corrupt = false;
      if (this.core.good(now())) {
        await this.keeper.save(lock);
        this.#settings.emit({ name: "renewed", endsAt: this.core.token?.endsAt, early });
        return this.#changed();
      }
      // A token that ended while its answer was under way would be fetched again and again.
      const retryAt = this.core.failed("the token had ended when it came", undefined, now(), random());
      this.#settings.emit({ name: "failed", reason: this.core.why, retryAt });
    } else {
      if (answer.garbage) this.core.garbage += 1;
      else this.core.garbage = 0;
      if (answer.lost && refreshing) this.core.lost = true;
      const retryAt = this.core.failed(answer.why, answer.retryAfter, now(), random());
      this.#settings.emit({ name: "failed", reason: answer.why, retryAt });
    }
    await this.keeper.save(lock);
  }

  /** Somebody has to act. */
  needs(need: Need): void {
    const before = this.core.need;
    this.core.needs(need, this.#settings.now());
    if (before?.reason !== need.reason || before.cause !== need.cause) this.#settings.emit({ name: "needs_login", ...need });
    this.#changed();
  }

  /** Writes what a sign-in brought: the lock is held for that alone. */
  async signedIn(answer: Success): Promise<void> {
    const lock = await this.keeper.lockAnyway();
    try {
      if (lock) await this.keeper.follow(lock);
      await this.settle(answer, lock, false, false);
    } finally {
      await this.keeper.release(lock);
    }
  }

  /** The key of this session's proofs: the store's, or a new one. */
  async proofKey(): Promise<ProofKey> {
    const jwk = this.core.dpopJwk;
    if (!this.#proofKey || (jwk !== undefined && this.#proofKey.jwk !== jwk)) {
      const key = jwk ? ProofKey.of(jwk) : ProofKey.generate(this.#settings.store !== undefined);
      const entry = (this.#proofKey = { jwk: jwk as unknown, key });
      const made = await key;
      if (jwk === undefined && made.jwk) {
        this.core.dpopJwk = made.jwk;
        entry.jwk = made.jwk;
      }
    }
    return this.#proofKey.key;
  }

  /** Calls back once, at the next change of what is held. The answer takes it back. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(): void {
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }

  /** Ends it. An attempt that is under way is let finish: a refresh token that it spent must be written. */
  async close(): Promise<void> {
    this.core.closed = true;
    this.#closing.abort();
    this.#changed();
    await this.#attempting?.catch(() => undefined);
  }
}

/** Waits for what others wait for too; an abort ends the waiting alone. */
export function abortable<T>(shared: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  if (!signal) return shared;
  return new Promise((resolve, reject) => {
    const aborted = (): void => reject(signal.reason as Error);
    if (signal.aborted) return aborted();
    signal.addEventListener("abort", aborted, { once: true });
    shared.then(resolve, reject).finally(() => signal.removeEventListener("abort", aborted));
  });
}
