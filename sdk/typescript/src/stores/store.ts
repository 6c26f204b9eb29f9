/** Where a session keeps its tokens, and how programs that share them take turns. */

/** How a lock is asked for. */
export interface LockRequest {
  /** Milliseconds to wait for it. */
  readonly patience: number;
  /** Asked with what is stored now, each time the waiter looks: `true` if the waiting has become needless. */
  readonly arrived: (stored: string | undefined) => boolean;
  /** Told that somebody else holds the lock, before waiting begins. */
  readonly contended?: (() => void) | undefined;
  /** Told that the lock of a dead holder was taken over, and for how long it had not moved. */
  readonly takenOver?: ((ageMs: number) => void) | undefined;
}

/** A store's lock, held. */
export interface StoreLock {
  /**
   * Replaces what is stored. If the lock was lost meanwhile and `superseded` says that what is there now is newer, nothing
   * is written and the answer is `false`. Rejects if it cannot be written.
   */
  write(text: string, superseded: (stored: string | undefined) => boolean): Promise<boolean>;
  /** Puts aside what cannot be read, so that a person can look at it. */
  setAside(): Promise<void>;
  /** Removes what is stored. */
  remove(): Promise<void>;
  /** Lets the others go on. */
  release(): Promise<void>;
}

/** A store carries one text. It need not understand it. */
export interface Store {
  /** What is stored; `undefined` for nothing. At once if it can: `session.state()` does not wait. */
  read(): string | undefined | Promise<string | undefined>;
  /** Waits for the lock. `undefined`: `arrived` said yes. Rejects with `LockTimeout` when patience is over. */
  lock(request: LockRequest): Promise<StoreLock | undefined>;
  /** Keeps a secret of a sign-in that is under way, for a page that is left for the issuer's. */
  keep?(key: string, value: string): void;
  /** Gives it back, and forgets it. */
  take?(key: string): string | undefined;
}

/** Somebody else held the lock for longer than the waiter's patience. */
export class LockTimeout extends Error {
  constructor() {
    super("another holder of the store's lock took too long");
    this.name = "LockTimeout";
  }
}
