/**
 * The lock of a file store (`sdk/STORE.md`): a file made by exclusive create, which its holder rewrites again and again
 * through the descriptor that made it. A holder that falls silent is replaced by exactly one other.
 */
import { randomBytes, randomInt } from "node:crypto";
import { constants } from "node:fs";
import { open, readdir, readFile, rename, stat, unlink, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { LockTimeout, type LockRequest } from "../stores/store.js";

const SIZE = 256;
const MINUTE = 60_000;
const DEFAULT_STALE_MS = 5_000;
const NEW = constants.O_CREAT | constants.O_EXCL | constants.O_RDWR;

/** What a lock file says. */
interface Content {
  readonly id: string;
  readonly beat: string;
  readonly staleMs: number;
}

/** A lock, held. */
export class Lock {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #timer: NodeJS.Timeout;
  readonly #beatMs: number;
  readonly #staleMs: number;
  #beat = 0n;
  #writing: Promise<void> = Promise.resolve();
  #released = false;

  private constructor(
    path: string,
    file: FileHandle,
    readonly id: string,
    beatMs: number,
    staleMs: number,
  ) {
    this.#path = path;
    this.#file = file;
    this.#beatMs = beatMs;
    this.#staleMs = staleMs;
    this.#timer = setInterval(() => this.beat(), beatMs);
    // A beating lock alone keeps no program alive.
    this.#timer.unref();
  }

  /** Makes a lock file at `path`; `undefined` if there is one. */
  static async create(path: string, beatMs: number, staleMs: number, at = path): Promise<Lock | undefined> {
    let file: FileHandle;
    try {
      file = await open(at, NEW, 0o600);
    } catch (error) {
      if (codeOf(error) === "EEXIST") return undefined;
      throw error;
    }
    const id = randomBytes(16).toString("hex");
    try {
      await write(file, text(id, 0n, beatMs, staleMs));
    } catch (error) {
      await file.close();
      await removed(at);
      throw error;
    }
    return new Lock(path, file, id, beatMs, staleMs);
  }

  /** Says that its holder lives: through the descriptor, so that another's lock at the same name stays untouched. */
  beat(): void {
    if (this.#released) return;
    this.#beat += 1n;
    const content = text(this.id, this.#beat, this.#beatMs, this.#staleMs);
    this.#writing = this.#writing.then(() => write(this.#file, content)).catch(() => undefined);
  }

  /** Whether the lock is still this one's. */
  async holds(): Promise<boolean> {
    return (await look(this.#path))?.id === this.id;
  }

  /** Lets go; a lock of another stays. */
  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    clearInterval(this.#timer);
    await this.#writing;
    const mine = await this.holds();
    if (mine) await removed(this.#path);
    await this.#file.close();
  }
}

/** How a lock is taken. */
export interface Taking extends Pick<LockRequest, "patience" | "contended" | "takenOver"> {
  readonly beatMs: number;
  readonly staleMs: number;
  /** Looks into the store; `true` if the waiting has become needless. */
  readonly arrived: () => boolean;
}

/** Takes the lock at `path`. `undefined`: what was waited for has arrived. */
export async function take(path: string, how: Taking): Promise<Lock | undefined> {
  const began = performance.now();
  let seen: string | undefined;
  let since = began;
  let claims = 1;
  for (let round = 0; ; round++) {
    const lock = await Lock.create(path, how.beatMs, how.staleMs);
    if (lock) {
      await sweep(path);
      return lock;
    }
    if (round === 0) how.contended?.();
    const there = await look(path);
    if (there === undefined) continue;
    const mark = `${there.id} ${there.beat}`;
    const now = performance.now();
    if (mark !== seen) {
      seen = mark;
      since = now;
      claims = 1;
    }
    if (how.arrived()) return undefined;
    if (now - since >= there.staleMs) {
      const claimed = await claim(path, there, claims, how);
      if (claimed instanceof Lock) {
        how.takenOver?.(Math.round(now - since));
        // What the dead one was writing will not be renamed any more.
        if (there.id) await removed(`${path.slice(0, -".lock".length)}.json.${there.id}.tmp`);
        await sweep(path);
        return claimed;
      }
      if (claimed === "lost") claims += 1;
      since = performance.now();
      continue;
    }
    if (now - began >= how.patience) throw new LockTimeout();
    await pause(randomInt(20, 61));
  }
}

/** Replaces a silent holder: whoever makes the claim file may do it, if the lock still is as it was. */
async function claim(path: string, there: Content, number: number, how: Taking): Promise<Lock | "lost" | "changed"> {
  const name = `${path}.${there.id || "unreadable"}.${number}`;
  let file: FileHandle;
  try {
    file = await open(name, NEW, 0o600);
  } catch (error) {
    if (codeOf(error) === "EEXIST") return "lost";
    throw error;
  }
  await file.close();
  const own = `${path}.${randomBytes(16).toString("hex")}.tmp`;
  try {
    const still = await look(path);
    if (still === undefined || still.id !== there.id || still.beat !== there.beat) return "changed";
    const lock = await Lock.create(path, how.beatMs, how.staleMs, own);
    if (!lock) return "changed";
    try {
      await rename(own, path);
    } catch (error) {
      await lock.release();
      await removed(own);
      throw error;
    }
    return lock;
  } finally {
    await removed(name);
  }
}

/** Reads a lock file. One that cannot be read as such has neither id nor beat, and the standard staleness. */
async function look(path: string): Promise<Content | undefined> {
  let content: string;
  try {
    content = await readFile(path, "latin1");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { id, beat, stale_ms: stale } = JSON.parse(content) as { [name: string]: unknown };
    if (typeof id === "string" && /^[0-9a-f]{32}$/.test(id) && typeof beat === "string") {
      const staleMs = typeof stale === "number" ? Math.min(Math.max(stale, 100), MINUTE) : DEFAULT_STALE_MS;
      return { id, beat, staleMs };
    }
  } catch {
    // Half written, or by a stranger.
  }
  return { id: "", beat: "", staleMs: DEFAULT_STALE_MS };
}

/** Removes claims and temporary files that nobody has touched for a minute. */
async function sweep(path: string): Promise<void> {
  const folder = dirname(path);
  const lock = `${basename(path)}.`;
  const json = `${basename(path, ".lock")}.json.`;
  for (const name of await readdir(folder)) {
    const left = (name.startsWith(lock) && /\.(tmp|\d+)$/.test(name)) || (name.startsWith(json) && name.endsWith(".tmp"));
    if (!left) continue;
    const age = await stat(join(folder, name)).then(({ mtimeMs }) => Date.now() - mtimeMs, () => 0);
    if (age > MINUTE) await removed(join(folder, name));
  }
}

function text(id: string, beat: bigint, beatMs: number, staleMs: number): Buffer {
  const json = JSON.stringify({ version: 1, id, pid: process.pid, beat_ms: beatMs, stale_ms: staleMs, beat: beat.toString().padStart(16, "0") });
  return Buffer.from(`${json.padEnd(SIZE - 1)}\n`, "latin1");
}

async function write(file: FileHandle, content: Buffer): Promise<void> {
  await file.write(content, 0, content.length, 0);
}

/** Removes a file, if it is there. */
export async function removed(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

/** The code of a system's error. */
export function codeOf(error: unknown): string | undefined {
  return (error as { code?: string } | undefined)?.code;
}
