import { causeEntry, type WhoCanAct } from "./causes.js";
import { retryAfter } from "./core/schedule.js";
import {
  CredentialRefused,
  IssuerUnavailable,
  LicenceRefused,
  RateLimited,
  Refused,
  ScopeMissing,
} from "./core/errors.js";

/** Why a request was refused, as far as the answer says. Members that it does not say are `undefined` or empty. */
export interface Refusal {
  readonly status: number;
  /** The OAuth error code (RFC 6749 5.2, RFC 6750 3.1). */
  readonly error: string | undefined;
  readonly errorDescription: string | undefined;
  /** The id of the cause: one of `Cause`, or the text that the server sent. */
  readonly cause: string | undefined;
  readonly title: string | undefined;
  /** What to do about it. */
  readonly remedy: string | undefined;
  readonly whoCanAct: WhoCanAct | undefined;
  /** The number under which the server keeps the decision. */
  readonly decisionId: string | undefined;
  /** A page about this very refusal. */
  readonly errorUri: string | undefined;
  /** Seconds to wait before trying again. */
  readonly retryAfter: number | undefined;
  readonly facts: { readonly [name: string]: unknown };
  readonly scopesNeeded: readonly string[];
  readonly scopesHeld: readonly string[];
  readonly scopesMissing: readonly string[];
  /** Whether a new token may help, if the cause is in the catalogue. */
  readonly renew: boolean | undefined;
}

/** The parts of an answer that explain a refusal. */
export interface RefusedAnswer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
}

const LONGEST_BODY = 65_536;
const ACTORS: ReadonlySet<unknown> = new Set(["caller", "owner", "end_user", "operator", "time"]);

/** Reads a refusal from status, headers and the text of the body. `now` and `skew` (ms) serve `Retry-After` dates. */
export function readRefusal(answer: RefusedAnswer, body: string, now: number, skew: number): Refusal {
  const json = object(parse(body));
  const challenge = parameters(answer.headers.get("www-authenticate"));
  const cause = answer.headers.get("mandate-cause") || challenge["cause"] || text(json["cause"]);
  const entry = cause ? causeEntry(cause) : undefined;
  const facts = object(json["facts"]);
  const needed = words(facts["scopes_needed"] ?? challenge["scope"]);
  const held = words(facts["scopes_held"]);
  const wait = retryAfter(answer.headers.get("retry-after"), now, skew);
  const who = json["who_can_act"];
  return {
    status: answer.status,
    error: challenge["error"] || text(json["error"]),
    errorDescription: text(json["error_description"]) ?? challenge["error_description"],
    cause: cause || undefined,
    title: entry?.title,
    remedy: text(json["remedy"]) ?? entry?.remedy,
    whoCanAct: ACTORS.has(who) ? (who as WhoCanAct) : entry?.whoCanAct,
    decisionId: answer.headers.get("mandate-decision") || challenge["decision_id"] || text(json["decision_id"]),
    errorUri: text(json["error_uri"]) ?? challenge["error_uri"],
    retryAfter: wait === undefined ? undefined : wait / 1000,
    facts,
    scopesNeeded: needed,
    scopesHeld: held,
    scopesMissing: needed.filter((scope) => !held.includes(scope)),
    renew: entry?.renew,
  };
}

/** Reads a refusal from an answer whose body may still be read by the program afterwards. */
export async function refusalOf(response: Response, now: number, skew: number): Promise<Refusal> {
  let body = "";
  if (!response.bodyUsed && /json/i.test(response.headers.get("content-type") ?? "")) {
    try {
      body = await response.clone().text();
    } catch {
      // The body broke off: the headers must do.
    }
  }
  return readRefusal(response, body.length > LONGEST_BODY ? "" : body, now, skew);
}

/** The error that belongs to a refusal. */
export function errorOf(refusal: Refusal): Refused {
  if (refusal.cause === "scope.missing" || refusal.error === "insufficient_scope") return new ScopeMissing(refusal);
  if (refusal.cause?.startsWith("licence.")) return new LicenceRefused(refusal);
  if (refusal.status === 401) return new CredentialRefused(refusal);
  if (refusal.status === 429) return new RateLimited(refusal);
  if (refusal.status >= 500) return new IssuerUnavailable(refusal);
  return new Refused(refusal);
}

/**
 * The parameters of all challenges of a `WWW-Authenticate` header (RFC 9110 11.6.1); of a name that comes twice, the
 * first. Schemes are not told apart: what is looked for means the same with each.
 */
export function parameters(header: string | null): { readonly [name: string]: string } {
  const found: { [name: string]: string } = Object.create(null) as { [name: string]: string };
  for (const match of (header ?? "").matchAll(/([a-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))/gi)) {
    const name = (match[1] ?? "").toLowerCase();
    found[name] ??= match[2]?.replace(/\\(.)/g, "$1") ?? match[3] ?? "";
  }
  return found;
}

/** JSON, or `undefined` for what is none. */
export function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** An object as it is; anything else as an empty one. */
export function object(value: unknown): { readonly [name: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as { [name: string]: unknown }) : {};
}

/** A text that is not empty. */
export function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function words(value: unknown): string[] {
  if (typeof value === "string") return value.split(/\s+/).filter((word) => word !== "");
  return Array.isArray(value) ? value.filter((word): word is string => typeof word === "string" && word !== "") : [];
}
