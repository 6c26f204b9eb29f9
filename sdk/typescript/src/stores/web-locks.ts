import { Misconfigured } from "../core/errors.js";
import { Redacted } from "../core/secret.js";
import { LockTimeout, type LockRequest, type Store, type StoreLock } from "./store.js";

/** The part of `localStorage` that is used. */
interface Shelf {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** The part of `navigator.locks` that is used (Web Locks). */
interface Locks {
  request(
    name: string,
    options: { ifAvailable?: boolean; signal?: AbortSignal },
    callback: (lock: unknown) => Promise<void>,
  ): Promise<unknown>;
}

/**
 * A store for browsers: the tabs of one origin share the tokens in `localStorage` and take turns by
 * `navigator.locks`, which lets go when a tab ends. Whatever runs in a page of this origin can read it; where that
 * matters, keep tokens in memory.
 */
export class WebLocksStore extends Redacted implements Store {
  readonly #key: string;
  readonly #shelf: Shelf;
  readonly #locks: Locks;

  /** `name` tells sessions of one origin apart. */
  constructor(name: string) {
    super();
    const host = globalThis as { localStorage?: Shelf; navigator?: { locks?: Locks } };
    if (!host.localStorage || !host.navigator?.locks) throw new Misconfigured("WebLocksStore needs localStorage and navigator.locks");
    this.#key = `mandate.session.${name}`;
    this.#shelf = host.localStorage;
    this.#locks = host.navigator.locks;
  }

  read(): string | undefined {
    return this.#shelf.getItem(this.#key) ?? undefined;
  }

  keep(key: string, value: string): void {
    this.#shelf.setItem(`${this.#key}.login.${key}`, value);
  }

  take(key: string): string | undefined {
    const name = `${this.#key}.login.${key}`;
    const value = this.#shelf.getItem(name) ?? undefined;
    this.#shelf.removeItem(name);
    return value;
  }

  async lock(request: LockRequest): Promise<StoreLock | undefined> {
    if (request.arrived(this.read())) return undefined;
    let release = await this.#ask({ ifAvailable: true });
    if (!release) {
      request.contended?.();
      const patience = new AbortController();
      const timer = setTimeout(() => patience.abort(), request.patience);
      try {
        release = await this.#ask({ signal: patience.signal });
      } catch {
        throw new LockTimeout();
      } finally {
        clearTimeout(timer);
      }
    }
    const free = release;
    if (!free) throw new LockTimeout();
    if (request.arrived(this.read())) {
      free();
      return undefined;
    }
    return {
      write: async (text) => {
        this.#shelf.setItem(this.#key, text);
        return true;
      },
      setAside: async () => {
        this.#shelf.setItem(`${this.#key}.corrupt`, this.read() ?? "");
        this.#shelf.removeItem(this.#key);
      },
      remove: async () => this.#shelf.removeItem(this.#key),
      release: async () => free(),
    };
  }

  /** Holds the lock until the answer is called; `undefined` if it was not free. */
  #ask(options: { ifAvailable?: boolean; signal?: AbortSignal }): Promise<(() => void) | undefined> {
    return new Promise((resolve, reject) => {
      this.#locks
        .request(this.#key, options, (lock) => {
          if (lock === null) {
            resolve(undefined);
            return Promise.resolve();
          }
          return new Promise<void>((free) => resolve(free));
        })
        .catch(reject);
    });
  }
}
