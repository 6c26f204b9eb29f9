/** Fresh tokens that an API refused in a row. */
import { backoff } from "./schedule.js";

/** So long after a wait the row is forgotten. */
const FORGOTTEN_MS = 60_000;

/** Keeps an API that takes no token of this issuer from costing the issuer a token for each call. */
export class Fresh {
  #row = 0;
  #until = 0;
  /** Each counts once, however many callers had it. */
  #last: string | undefined;

  /** One was refused, that had not ended. */
  refused(token: string, now: number, u: number): void {
    if (token === this.#last) return;
    if (now - this.#until > FORGOTTEN_MS) this.#row = 0;
    // The first may be chance: another caller's token died meanwhile.
    this.#until = now + (this.#row > 0 ? backoff(this.#row - 1, undefined, u) : 0);
    this.#row += 1;
    this.#last = token;
  }

  /** Whether a 401 is no reason to ask for another. A clock that was set back does not make that longer. */
  holds(now: number): boolean {
    const left = this.#until - now;
    return left > 0 && left <= 30_000;
  }

  /** The API took a token. */
  taken(): void {
    this.#row = 0;
    this.#until = 0;
    this.#last = undefined;
  }
}
