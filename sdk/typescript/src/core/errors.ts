import type { Refusal } from "../refusal.js";
import type { WhoCanAct } from "../causes.js";
import { describe, type Need, type Reason } from "./state.js";

/** Base of all errors of this library. None of them holds or prints a secret. */
export class SessionError extends Error {
  /** What the API answered, if the error began with a refused call. */
  refusal: Refusal | undefined;

  constructor(message: string, origin?: unknown) {
    super(message, origin === undefined ? undefined : { cause: origin });
    this.name = new.target.name;
  }
}

/** No attempt can help until somebody acts. The members say who, and how. */
export class NeedsLogin extends SessionError {
  readonly reason: Reason;
  /** The catalogue's id of the cause (`cause` itself is the error that this one came from, as in every `Error`). */
  readonly causeId: string | undefined;
  readonly whoCanAct: WhoCanAct;
  readonly remedy: string | undefined;
  readonly link: string | undefined;

  constructor(need: Need, origin?: unknown) {
    super(describe(need), origin);
    this.reason = need.reason;
    this.causeId = need.cause;
    this.whoCanAct = need.whoCanAct;
    this.remedy = need.remedy;
    this.link = need.link;
  }
}

/** The issuer could not be asked in time. The session tries again by itself; the call may be repeated after `retryAt`. */
export class Unavailable extends SessionError {
  readonly reason: string;
  /** Milliseconds since 1970 before which no request is made. */
  readonly retryAt: number;

  constructor(reason: string, retryAt: number, origin?: unknown) {
    super(`the issuer is not available: ${reason}`, origin);
    this.reason = reason;
    this.retryAt = retryAt;
  }
}

/** `close` or `logout` was called. */
export class Closed extends SessionError {
  constructor() {
    super("the session is closed");
  }
}

/** The settings cannot work, or a token would go where it must not. Raised before any request. */
export class Misconfigured extends SessionError {}

/** A refused answer of the API, raised by `session.check(response)`. */
export class Refused extends SessionError {
  override refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusalText(refusal));
    this.refusal = refusal;
  }
  get status(): number {
    return this.refusal.status;
  }
  /** The catalogue's id of the cause, or the text that the server sent. */
  get causeId(): string | undefined {
    return this.refusal.cause;
  }
  get whoCanAct(): WhoCanAct | undefined {
    return this.refusal.whoCanAct;
  }
  get remedy(): string | undefined {
    return this.refusal.remedy;
  }
  get link(): string | undefined {
    return this.refusal.errorUri;
  }
}

/** The token lacks a scope: `scopesMissing` names it. */
export class ScopeMissing extends Refused {
  get scopesMissing(): readonly string[] {
    return this.refusal.scopesMissing;
  }
}
/** 401: the credential was refused. */
export class CredentialRefused extends Refused {}
/** A licence does not cover the request. */
export class LicenceRefused extends Refused {}
/** 429: too many requests. `retryAfter` says how many seconds to wait, if the server did. */
export class RateLimited extends Refused {
  get retryAfter(): number | undefined {
    return this.refusal.retryAfter;
  }
}
/** 5xx: the server, or what it depends on, is not well. */
export class IssuerUnavailable extends Refused {}

function refusalText(refusal: Refusal): string {
  const parts = [`${refusal.status}: ${refusal.title ?? refusal.cause ?? refusal.error ?? "refused"}`];
  if (refusal.scopesMissing.length > 0) parts.push(`missing: ${refusal.scopesMissing.join(" ")}`);
  if (refusal.remedy) parts.push(refusal.remedy);
  if (refusal.decisionId) parts.push(`decision ${refusal.decisionId}`);
  if (refusal.errorUri) parts.push(refusal.errorUri);
  return parts.join("; ");
}
