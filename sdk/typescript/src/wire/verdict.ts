/** What an answer of the issuer means (`sdk/BEHAVIOUR.md` 3). Pure: status, headers and text in, meaning out. */
import type { Granted } from "../core/core.js";
import { seconds } from "../core/schedule.js";
import { whoCanAct, type Need, type Reason } from "../core/state.js";
import { object, parse, text, type Refusal } from "../refusal.js";

/** It did not work this time. */
export interface Passing {
  readonly kind: "passing";
  readonly why: string;
  /** Milliseconds that the issuer asked to wait. */
  readonly retryAfter: number | undefined;
  /** The request may have been carried out. */
  readonly lost: boolean;
  /** The answer said 200 and was no answer. */
  readonly garbage: boolean;
}

/** It will not work, however often it is tried. */
export interface Final {
  readonly kind: "final";
  readonly why: string;
  readonly refusal: Refusal | undefined;
}

export type Failure = Passing | Final;

/** A token, and when its request was sent. */
export interface Success {
  readonly kind: "granted";
  readonly granted: Granted;
  readonly sentAt: number;
}

const PASSING_STATUS = new Set([408, 425, 429]);
const PASSING_ERROR = new Set(["temporarily_unavailable", "server_error"]);

export function passing(why: string, more: Partial<Omit<Passing, "kind" | "why">> = {}): Passing {
  return { kind: "passing", why, retryAfter: undefined, lost: false, garbage: false, ...more };
}

export function final(why: string, refusal?: Refusal): Final {
  return { kind: "final", why, refusal };
}

/** What an answer means that is no success. */
export function failureOf(refusal: Refusal): Failure {
  const why = refusal.error
    ? `${refusal.error}${refusal.errorDescription ? `: ${refusal.errorDescription}` : ""}`
    : `status ${refusal.status}`;
  // Whatever its body says: secrets do not go to another address. Browsers show such an answer as status 0.
  if (refusal.status === 0 || (refusal.status >= 300 && refusal.status < 400))
    return final("the issuer answered with a redirect, which is not followed", refusal);
  if (refusal.status >= 500 || PASSING_STATUS.has(refusal.status) || PASSING_ERROR.has(refusal.error ?? ""))
    return passing(why, { retryAfter: refusal.retryAfter === undefined ? undefined : refusal.retryAfter * 1000 });
  return final(why, refusal);
}

/** Reads a token answer of status 200 (RFC 6749 5.1). `askedProof`: the session asked for DPoP. */
export function grantedOf(body: string, askedProof: boolean): Granted | Failure {
  const json = object(parse(body));
  const accessToken = text(json["access_token"]);
  if (accessToken === undefined) return passing("the issuer's answer was not one", { lost: true, garbage: true });
  const type = text(json["token_type"]) ?? "Bearer";
  const kind = type.toLowerCase();
  if (kind === "dpop" ? !askedProof : kind !== "bearer") return final(`the issuer sent a token of type ${type.slice(0, 40)}, which was not asked for`);
  if (askedProof && kind === "bearer") return final("downgraded: DPoP was asked for, and the issuer sent a bearer token");
  return {
    accessToken,
    type: askedProof ? "DPoP" : "Bearer",
    lifetime: seconds(json["expires_in"]),
    refreshIn: seconds(json["refresh_in"]),
    refreshToken: text(json["refresh_token"]),
    scope: text(json["scope"]),
  };
}

/** What to tell the program of a failure that is final. */
export function needOf(reason: Reason, failure?: { why: string | undefined; refusal: Refusal | undefined }): Need {
  const refusal = failure?.refusal;
  return {
    reason,
    cause: refusal?.cause,
    whoCanAct: refusal?.whoCanAct ?? whoCanAct(reason),
    remedy: refusal?.remedy,
    link: refusal?.errorUri,
    detail: failure?.why,
  };
}

/** Codes of failures that come before a request has left (Node, Deno); of all others the request may have arrived. */
const NOT_SENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_.*|CERT_.*|ERR_SSL_.*|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_.*)$/;

/** What a rejected `fetch` means. Its message names no secret, but only its code is kept. */
export function failureOfFetch(error: unknown, timedOut: boolean): Passing {
  if (timedOut) return passing("no answer in time", { lost: true });
  const code = codeOf(error);
  if (code !== undefined && NOT_SENT.test(code)) return passing(`no connection (${code})`);
  return passing(code ? `the connection broke (${code})` : "the connection broke", { lost: true });
}

function codeOf(error: unknown): string | undefined {
  for (let at = error, depth = 0; typeof at === "object" && at !== null && depth < 5; depth++) {
    const code = (at as { code?: unknown }).code;
    if (typeof code === "string") return code;
    const inner = at as { cause?: unknown; errors?: unknown[] };
    at = inner.cause ?? inner.errors?.[0];
  }
  return undefined;
}
