import { Misconfigured } from "../core/errors.js";
import { Redacted } from "../core/secret.js";
import { LockTimeout, type LockRequest, type Store, type StoreLock } from "./store.js";
import { Shelf } from "./shelf.js";

/** The part of `navigator.locks` that is used (Web Locks). */
interface Locks {
  request(
    name: string,
    options: { ifAvailable?: boolean; signal?: AbortSignal },
    callback: (lock: unknown) => Promise<void>,
  ): Promise<unknown>;
}

/** The part of `localStorage` that is used. */
interface Notes {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/**
 * A store for browsers: the tabs of one origin share the tokens and take turns by `navigator.locks`, which lets go when a
 * tab ends. Tokens lie in IndexedDB: what one tab wrote to `localStorage` another may see only after it got the lock, and
 * would spend the same refresh token. `localStorage` keeps sign-ins that are under way. Whatever runs in a page of this origin
 * can read both; where that matters, keep tokens in memory.
 */
export class WebLocksStore extends Redacted implements Store {
  readonly #key: string;
  readonly #shelf: Shelf;
  readonly #notes: Notes;
  readonly #locks: Locks;

  /** `name` tells sessions of one origin apart. */
  constructor(name: string) {
    super();
    const host = globalThis as { localStorage?: Notes; indexedDB?: unknown; navigator?: { locks?: Locks } };
    if (!host.localStorage || !host.indexedDB || !host.navigator?.locks)
      throw new Misconfigured("WebLocksStore needs indexedDB, localStorage and navigator.locks");
    this.#key = `mandate.session.${name}`;
    this.#shelf = new Shelf(this.#key);
    this.#notes = host.localStorage;
    this.#locks = host.navigator.locks;
  }

  read(): Promise<string | undefined> {
    return this.#shelf.get();
  }

  keep(key: string, value: string): void {
    this.#notes.setItem(`${this.#key}.${key}`, value);
  }

  take(key: string): string | undefined {
    const name = `${this.#key}.${key}`;
    const value = this.#notes.getItem(name) ?? undefined;
    this.#notes.removeItem(name);
    return value;
  }

  async lock(request: LockRequest): Promise<StoreLock | undefined> {
    const free = (await this.#ask({ ifAvailable: true })) ?? (await this.#wait(request));
    try {
      if (request.arrived(await this.read())) {
        free();
        return undefined;
      }
    } catch (error) {
      free();
      throw error;
    }
    return {
      write: async (text) => {
        await this.#shelf.put(text);
        return true;
      },
      setAside: () => this.#shelf.setAside(),
      remove: () => this.#shelf.remove(),
      release: async () => free(),
    };
  }

  async #wait(request: LockRequest): Promise<() => void> {
    request.contended?.();
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), request.patience);
    try {
      const free = await this.#ask({ signal: patience.signal });
      if (free) return free;
    } catch {
      // Patience is over.
    } finally {
      clearTimeout(timer);
    }
    throw new LockTimeout();
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
