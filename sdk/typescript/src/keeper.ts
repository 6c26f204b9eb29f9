/** A session's side of its store: whose tokens they are, reading them into the core, and writing them from it. */
import type { Core } from "./core/core.js";
import { Misconfigured } from "./core/errors.js";
import { formatStored, parseStored, type Stored } from "./core/stored.js";
import type { Settings } from "./settings.js";
import { LockTimeout, type LockRequest, type StoreLock } from "./stores/store.js";
import { sha256hex } from "./wire/crypto.js";

export class Keeper {
  readonly #settings: Settings;
  readonly #core: Core;
  /** Told when the store brought a token. */
  readonly #taken: () => void;
  #identity: Promise<string> | undefined;
  #owner: string | undefined;
  #loaded = false;
  /** What is stored could not be read. */
  corrupt = false;

  constructor(settings: Settings, core: Core, taken: () => void) {
    this.#settings = settings;
    this.#core = core;
    this.#taken = taken;
    // Where WebCrypto is missing, the first call says so.
    if (settings.store) this.owner().catch(() => undefined);
  }

  /** Whose tokens these are (`sdk/STORE.md`). */
  owner(): Promise<string> {
    return (this.#identity ??= this.#identify());
  }

  async #identify(): Promise<string> {
    const { options, clientId, grant, given, scope } = this.#settings;
    const words = scope?.split(/\s+/).sort().join(" ") ?? "";
    const resources = [...(options.resource ?? [])].sort().join(" ");
    const parts = [options.issuer ?? options.tokenEndpoint ?? "", clientId, grant, given.username ?? "", words, resources];
    if (given.refreshToken !== undefined) this.#core.seed = (await sha256hex(given.refreshToken)).slice(0, 16);
    return (this.#owner = await sha256hex(parts.join("\n")));
  }

  /** What a store that answers at once would bring, if nothing was read from it yet. Takes nothing over. */
  glance(now: number): Stored | undefined {
    const { store } = this.#settings;
    // Whose tokens are in the store takes a digest to know, which is there soon after the session was made.
    if (!store || this.#loaded || this.#owner === undefined || this.#core.closed) return undefined;
    const text = store.read();
    const stored = typeof text === "string" ? parseStored(text) : undefined;
    return stored?.owner === this.#owner && this.#core.offers(stored, now) ? stored : undefined;
  }

  /** Reads the store. True if it brought a good token. With the lock held, what cannot be read is put aside. */
  async look(lock?: StoreLock): Promise<boolean> {
    const { store, now } = this.#settings;
    if (!store) return false;
    const owner = await this.owner();
    let text: string | undefined;
    try {
      text = await store.read();
    } catch (error) {
      this.failed(error);
      return false;
    }
    this.#loaded = true;
    if (text === undefined) return false;
    const stored = parseStored(text);
    if (!stored) {
      this.corrupt = true;
      await lock?.setAside();
      return false;
    }
    if (stored.owner !== owner) throw new Misconfigured("the store holds tokens of another client, user or scope");
    if (!this.#core.adopt(stored, now())) return false;
    this.#settings.emit({ name: "taken_from_store", endsAt: stored.endsAt });
    this.#taken();
    return true;
  }

  /** Waits for the lock. `undefined`: another program brought the token. Raises `Misconfigured`, `LockTimeout`, or what the disk says. */
  lock(more: Pick<LockRequest, "patience" | "contended">): Promise<StoreLock | undefined> {
    const { store, now, emit } = this.#settings;
    if (!store) throw new Misconfigured("there is no store");
    return store.lock({
      ...more,
      arrived: (text) => {
        // Nobody waits any more: closing does not take as long as another's renewal.
        if (this.#core.closed) return true;
        const stored = text === undefined ? undefined : parseStored(text);
        return stored !== undefined && this.#core.offers(stored, now());
      },
      takenOver: (ageMs) => emit.call(this.#settings, { name: "lock_taken_over", ageMs }),
    });
  }

  /** The lock for a sign-in or a logout: whatever lies in the store is to be replaced. `undefined` if there is none to have. */
  async lockAnyway(): Promise<StoreLock | undefined> {
    const { store, patience } = this.#settings;
    return store?.lock({ patience, arrived: () => false }).catch((error: unknown) => {
      if (error instanceof LockTimeout) this.#settings.emit({ name: "store_failed", error: error.message });
      this.failed(error);
      return undefined;
    });
  }

  /** Before a sign-in is written: its generation follows that of what lies there. */
  async follow(lock: StoreLock): Promise<void> {
    const text = await this.#settings.store?.read();
    if (text === undefined) return;
    const stored = parseStored(text);
    if (!stored) return lock.setAside();
    if (stored.owner !== (await this.owner())) throw new Misconfigured("the store holds tokens of another client, user or scope");
    this.#core.generation = Math.max(this.#core.generation, stored.generation);
  }

  /** Writes what is held. A disk that is full does not end a session. */
  async save(lock: StoreLock | undefined): Promise<void> {
    if (!lock) return;
    const began = this.#core.generation;
    const next = this.#core.snapshot(await this.owner());
    this.#core.generation = next.generation;
    try {
      const written = await lock.write(formatStored(next), (text) => {
        const there = text === undefined ? undefined : parseStored(text);
        return there !== undefined && there.generation > began;
      });
      this.#core.unsaved = false;
      if (!written) await this.look();
    } catch (error) {
      this.#core.unsaved = true;
      this.failed(error);
    }
  }

  async release(lock: StoreLock | undefined): Promise<void> {
    await lock?.release().catch((error: unknown) => this.failed(error));
  }

  /** Says that the store failed. What is wrong with the settings is raised. */
  failed(error: unknown): void {
    if (error instanceof Misconfigured) throw error;
    if (error instanceof LockTimeout) return;
    this.#settings.emit({ name: "store_failed", error: error instanceof Error ? error.message : "unknown" });
  }
}
