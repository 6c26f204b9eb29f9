import { Closed, Unavailable } from "./core/errors.js";
import type { AccessToken } from "./core/secret.js";
import type { Held } from "./core/core.js";
import type { Renewer } from "./renewer.js";
import type { Settings } from "./settings.js";

/** Longest nap: a laptop may have slept meanwhile, and timers with it. */
const NAP_MS = 15_000;
/** What other programs renewed is seen within this time. */
const LOOK_MS = 1_000;

/** Yields each token from the one that is good now. Renews by itself, also while nobody makes calls. */
export function renewals(settings: Settings, renewer: Renewer, shown: (token: Held) => AccessToken): AsyncIterableIterator<AccessToken> {
  const left = new AbortController();
  const inner = tokens(settings, renewer, shown, left.signal);
  const iterator: AsyncIterableIterator<AccessToken> = {
    next: () => inner.next(),
    return: async () => {
      left.abort();
      await inner.return(undefined);
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

async function* tokens(
  settings: Settings,
  renewer: Renewer,
  shown: (token: Held) => AccessToken,
  left: AbortSignal,
): AsyncGenerator<AccessToken, void, undefined> {
  const { now, store } = settings;
  const { core } = renewer;
  let last: string | undefined;
  let retryAt = 0;
  while (!core.closed && !left.aborted) {
    if (now() >= retryAt) {
      try {
        const token = await renewer.ready(left);
        if (token.text !== last) {
          last = token.text;
          yield shown(token);
          continue;
        }
        retryAt = 0;
      } catch (error) {
        if (error instanceof Closed || left.aborted) return;
        // An issuer that is away does not end a stream; somebody who has to act is told.
        if (!(error instanceof Unavailable)) throw error;
        retryAt = error.retryAt;
      }
    }
    const token = core.token;
    const due = retryAt || Math.max(token?.renewAt ?? token?.usableUntil ?? Infinity, core.notBefore ?? 0);
    const nap = Math.min(Math.max(due - now(), 50), store ? LOOK_MS : NAP_MS);
    await changeOrNap(settings, renewer, nap, left);
    if (store && !core.closed) await renewer.look().catch(() => undefined);
  }
}

/** Returns at a change of what is held, after the nap, or when the reader leaves. */
async function changeOrNap(settings: Settings, renewer: Renewer, nap: number, left: AbortSignal): Promise<void> {
  const over = new AbortController();
  const end = (): void => over.abort();
  const forget = renewer.onChange(end);
  left.addEventListener("abort", end, { once: true });
  try {
    // What ended before the listener was there would not wake it.
    if (!left.aborted && !renewer.core.closed) await settings.sleep(nap, over.signal);
  } catch {
    // Woken up before the time.
  } finally {
    forget();
    left.removeEventListener("abort", end);
  }
}
