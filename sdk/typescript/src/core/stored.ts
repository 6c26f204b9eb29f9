/**
 * The content of a store (`sdk/STORE.md`): one JSON object of version 1. Stores carry it as text and know nothing
 * of it; here it is read and written.
 */

/** A private key of DPoP as a JWK (RFC 7517). */
export interface Jwk {
  kty: string;
  [member: string]: unknown;
}

/** What a store holds for one session. Times are milliseconds since 1970 by this machine's clock. */
export interface Stored {
  readonly owner: string;
  readonly generation: number;
  readonly accessToken: string | undefined;
  readonly tokenType: "Bearer" | "DPoP";
  readonly scope: string | undefined;
  readonly sentAt: number;
  readonly endsAt: number | undefined;
  readonly renewAt: number | undefined;
  readonly usableUntil: number | undefined;
  readonly refreshToken: string | undefined;
  readonly lost: boolean;
  readonly failures: number;
  readonly notBefore: number | undefined;
  readonly skew: number;
  readonly dpopJwk: Jwk | undefined;
  /** Which given refresh token all of this grew from; of the grant `refresh_token` alone. */
  readonly seed: string | undefined;
  /** Members that this version does not know; they are written back. */
  readonly unknown: { readonly [member: string]: unknown };
}

const KNOWN = new Set(
  ("version owner generation access_token token_type scope sent_at ends_at renew_at usable_until refresh_token lost " +
    "failures not_before skew_ms dpop_jwk seed").split(" "),
);

class Unreadable extends Error {}

/** Reads it; `undefined` if it cannot be read as this. */
export function parseStored(text: string): Stored | undefined {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json !== "object" || json === null || Array.isArray(json)) return undefined;
    const from = json as { [member: string]: unknown };
    const generation = member(from, "generation", "number");
    const owner = member(from, "owner", "string");
    if (from["version"] !== 1 || owner === undefined || generation === undefined) return undefined;
    const jwk = member(from, "dpop_jwk", "object");
    return {
      owner,
      generation,
      accessToken: member(from, "access_token", "string") || undefined,
      tokenType: member(from, "token_type", "string")?.toLowerCase() === "dpop" ? "DPoP" : "Bearer",
      scope: member(from, "scope", "string"),
      sentAt: member(from, "sent_at", "number") ?? 0,
      endsAt: member(from, "ends_at", "number"),
      renewAt: member(from, "renew_at", "number"),
      usableUntil: member(from, "usable_until", "number"),
      refreshToken: member(from, "refresh_token", "string") || undefined,
      lost: member(from, "lost", "boolean") ?? false,
      failures: member(from, "failures", "number") ?? 0,
      notBefore: member(from, "not_before", "number"),
      skew: member(from, "skew_ms", "number") ?? 0,
      dpopJwk: jwk as Jwk | undefined,
      seed: member(from, "seed", "string"),
      unknown: Object.fromEntries(Object.entries(from).filter(([name]) => !KNOWN.has(name))),
    };
  } catch {
    return undefined;
  }
}

/** The text that is written. */
export function formatStored(stored: Stored): string {
  const whole = (time: number | undefined): number | null => (time === undefined ? null : Math.round(time));
  return `${JSON.stringify(
    {
      ...stored.unknown,
      version: 1,
      owner: stored.owner,
      generation: stored.generation,
      access_token: stored.accessToken ?? null,
      token_type: stored.accessToken === undefined ? null : stored.tokenType,
      scope: stored.scope ?? null,
      sent_at: stored.accessToken === undefined ? null : whole(stored.sentAt),
      ends_at: whole(stored.endsAt),
      renew_at: whole(stored.renewAt),
      usable_until: whole(stored.usableUntil),
      refresh_token: stored.refreshToken ?? null,
      lost: stored.lost,
      failures: stored.failures,
      not_before: whole(stored.notBefore),
      skew_ms: Math.round(stored.skew),
      dpop_jwk: stored.dpopJwk ?? null,
      ...(stored.seed === undefined ? {} : { seed: stored.seed }),
    },
    null,
    1,
  )}\n`;
}

interface Types {
  string: string;
  number: number;
  boolean: boolean;
  object: object;
}

/** Absent and null are the same; another type makes the whole unreadable. */
function member<T extends keyof Types>(from: { [member: string]: unknown }, name: string, type: T): Types[T] | undefined {
  const value = from[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== type) throw new Unreadable();
  return value as Types[T];
}
