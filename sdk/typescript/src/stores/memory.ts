import { Redacted } from "../core/secret.js";
import { LockTimeout, type LockRequest, type Store, type StoreLock } from "./store.js";

/** A store in memory: sessions of one program that are given the same one share their tokens. */
export class MemoryStore extends Redacted implements Store {
  #text: string | undefined;
  #held = false;
  readonly #waiting: (() => void)[] = [];

  read(): string | undefined {
    return this.#text;
  }

  async lock(request: LockRequest): Promise<StoreLock | undefined> {
    if (this.#held) {
      request.contended?.();
      await this.#turn(request.patience);
      if (request.arrived(this.#text)) {
        this.#next();
        return undefined;
      }
    } else if (request.arrived(this.#text)) {
      return undefined;
    }
    this.#held = true;
    return {
      write: async (text) => {
        this.#text = text;
        return true;
      },
      setAside: async () => {
        this.#text = undefined;
      },
      remove: async () => {
        this.#text = undefined;
      },
      release: async () => this.#next(),
    };
  }

  /** The lock goes from hand to hand: it stays held until nobody waits. */
  #next(): void {
    const first = this.#waiting.shift();
    if (first) first();
    else this.#held = false;
  }

  #turn(patience: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const mine = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(mine), 1);
        reject(new LockTimeout());
      }, patience);
      this.#waiting.push(mine);
    });
  }
}
