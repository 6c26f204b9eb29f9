import { mkdirSync, readFileSync, statSync } from "node:fs";
import { constants } from "node:fs";
import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import { Misconfigured } from "../core/errors.js";
import { Redacted } from "../core/secret.js";
import type { LockRequest, Store, StoreLock } from "../stores/store.js";
import { codeOf, removed, take, type Lock } from "./lock.js";

/** Settings of a file store. */
export interface FileStoreOptions {
  /** The folder; made with mode 0700 if it is not there. Refused if others may write to it. */
  folder: string;
  /** Tells sessions in one folder apart: 1 to 64 of `a-z 0-9 . _ -`, beginning with a letter or digit. Default: `session`. */
  name?: string | undefined;
  /** How often a holder of the lock shows that it lives, in milliseconds. Default: 1,000. */
  beatMs?: number | undefined;
  /** After how long a silent holder is replaced, in milliseconds (100 to 60,000). Default: 5,000. */
  staleMs?: number | undefined;
  /** Called before each write of the tokens. What it throws counts as a disk that cannot be written; made for tests. */
  beforeWrite?: (() => void) | undefined;
}

/** Tokens in a file, shared by all programs of this machine that name the same folder, in whatever language (`sdk/STORE.md`). */
export class FileStore extends Redacted implements Store {
  readonly #path: string;
  readonly #folder: string;
  readonly #options: FileStoreOptions;

  constructor(options: FileStoreOptions) {
    super();
    const name = options.name ?? "session";
    if (!/^[a-z0-9][a-z0-9._-]{0,63}$/.test(name)) throw new Misconfigured("the name of a store is 1 to 64 of a-z 0-9 . _ -, and begins with a letter or digit");
    this.#folder = options.folder;
    this.#path = join(options.folder, name);
    this.#options = options;
  }

  read(): string | undefined {
    const path = `${this.#path}.json`;
    try {
      guard(this.#folder);
      guard(path);
      return readFileSync(path, "utf8");
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  async lock(request: LockRequest): Promise<StoreLock | undefined> {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    guard(this.#folder);
    const { beatMs = 1_000, staleMs = 5_000 } = this.#options;
    const lock = await take(`${this.#path}.lock`, { ...request, beatMs, staleMs, arrived: () => request.arrived(this.read()) });
    if (!lock) return undefined;
    const path = `${this.#path}.json`;
    return {
      write: async (text, superseded) => {
        // Taken over by another, who may have written since: the newer one wins.
        if (!(await lock.holds()) && superseded(this.read())) return false;
        await this.#replace(path, text, lock);
        return true;
      },
      setAside: async () => {
        if (await lock.holds()) await rename(path, `${path}.corrupt`).catch(ignoreAbsent);
      },
      remove: async () => removed(path),
      release: async () => lock.release(),
    };
  }

  /** Writes beside it, flushes, and renames over it: whoever reads sees the old or the new, never a half. */
  async #replace(path: string, text: string, lock: Lock): Promise<void> {
    const beside = `${path}.${lock.id}.tmp`;
    const file = await open(beside, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600);
    try {
      try {
        this.#options.beforeWrite?.();
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(beside, path);
    } catch (error) {
      await removed(beside).catch(() => undefined);
      throw error;
    }
  }
}

/** What others may write to is not trusted: they could put their tokens there. Windows has no such bits. */
function guard(path: string): void {
  if (process.platform !== "win32" && (statSync(path).mode & 0o022) !== 0) throw new Misconfigured(`others may write to ${path}`);
}

function ignoreAbsent(error: unknown): void {
  if (codeOf(error) !== "ENOENT") throw error;
}
