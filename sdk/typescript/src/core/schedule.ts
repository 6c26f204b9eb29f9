/**
 * When a token is renewed and until when it is used, and how long to wait after a failure. Pure arithmetic of
 * milliseconds: the clock and the random numbers are arguments.
 */

/** No lifetime and no wait of an issuer is believed beyond these. */
const LONGEST_LIFETIME_S = 10 * 365 * 86_400;
export const LONGEST_WAIT_MS = 3_600_000;

/** The moments of one token, in milliseconds since 1970. All are absent if its end is unknown. */
export interface Windows {
  readonly endsAt?: number | undefined;
  /** From here on one caller renews while the others go on with the token. */
  readonly renewAt?: number | undefined;
  /** From here on nobody gets it any more. */
  readonly usableUntil?: number | undefined;
}

/**
 * Whole seconds of a number or a text of digits, as issuers send `expires_in`, `refresh_in` and `interval`.
 * Fractions are cut off; what cannot be read or is below 1 is `undefined`.
 */
export function seconds(value: unknown): number | undefined {
  const read =
    typeof value === "number" ? value : typeof value === "string" && /^\s*\d+(\.\d*)?\s*$/.test(value) ? Number(value) : NaN;
  const whole = Math.floor(read);
  return whole >= 1 ? Math.min(whole, LONGEST_LIFETIME_S) : undefined;
}

/**
 * The windows of a token that was asked for at `sentAt`. `u` of [0, 1) spreads the renewals of many programs.
 * A `lone` token cannot be renewed: all of its life is used, and nothing happens before its end.
 */
export function windows(sentAt: number, lifetime: number | undefined, refreshIn: number | undefined, u: number, lone: boolean): Windows {
  if (lifetime === undefined) return {};
  const length = lifetime * 1000;
  const endsAt = sentAt + length;
  if (lone) return { endsAt, usableUntil: endsAt };
  const usableUntil = endsAt - Math.min(length / 20, 5_000);
  if (refreshIn !== undefined && refreshIn < lifetime) {
    const early = refreshIn * 1000;
    return { endsAt, renewAt: sentAt + early + Math.min((length - early) / 10, 30_000) * u, usableUntil };
  }
  return { endsAt, renewAt: endsAt - Math.min(length / 5, 300_000) * (0.5 + 0.5 * u), usableUntil };
}

/**
 * How long nobody asks after a failure. `before` counts the failures in a row that came before this one;
 * `retryAfter` is what the issuer asked for, in milliseconds from now.
 */
export function backoff(before: number, retryAfter: number | undefined, u: number): number {
  const own = Math.min(500 * 2 ** Math.min(before, 20), 30_000) * (0.5 + 0.5 * u);
  if (retryAfter === undefined) return own;
  return Math.min(Math.max(own, retryAfter + 1000 * u), LONGEST_WAIT_MS);
}

/**
 * `Retry-After` in milliseconds from now: seconds, or an HTTP date, which is by the issuer's clock
 * (RFC 9110 10.2.3). `skew` is how far that clock is ahead of ours.
 */
export function retryAfter(header: string | null, now: number, skew: number): number | undefined {
  const text = header?.trim();
  if (!text) return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return Math.min(Number(text) * 1000, LONGEST_WAIT_MS);
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.min(Math.max(0, date - (now + skew)), LONGEST_WAIT_MS);
}

/**
 * How far the issuer's clock is ahead, by the `Date` of an answer: half a second is added because the header has
 * whole seconds. `undefined` if there is none or the answer took too long to believe it.
 */
export function skewOf(date: string | null, sentAt: number, answeredAt: number): number | undefined {
  const roundTrip = answeredAt - sentAt;
  if (!date || roundTrip < 0 || roundTrip > 2_000) return undefined;
  const at = Date.parse(date);
  return Number.isNaN(at) ? undefined : at + 500 - (sentAt + answeredAt) / 2;
}
