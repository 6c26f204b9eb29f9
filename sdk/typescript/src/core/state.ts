import type { WhoCanAct } from "../causes.js";

/** Why a session needs somebody to act. */
export type Reason =
  | "never_signed_in"
  | "grant_ended"
  | "refresh_lost"
  | "client_refused"
  | "denied"
  | "displaced"
  | "key_refused"
  | "store_corrupt";

/** What a session that needs somebody to act tells about it. */
export interface Need {
  readonly reason: Reason;
  /** The catalogue's id of the cause, if the issuer named one; one that the catalogue does not know is kept. */
  readonly cause: string | undefined;
  readonly whoCanAct: WhoCanAct;
  /** What to do, in words. */
  readonly remedy: string | undefined;
  /** A page about this very refusal. */
  readonly link: string | undefined;
  /** What the issuer said, for people: error code and description. Never a secret. */
  readonly detail: string | undefined;
}

/** What `session.state()` answers. Times are milliseconds since 1970 by this machine's clock. */
export type State =
  | { readonly kind: "live"; readonly endsAt: number | undefined }
  | { readonly kind: "idle" }
  | { readonly kind: "waiting"; readonly until: number; readonly reason: string }
  | ({ readonly kind: "needs_login" } & Need)
  | { readonly kind: "closed" };

/** What an observer is told. None of it holds a secret. */
export type SessionEvent =
  | { readonly name: "renewed"; readonly endsAt: number | undefined; readonly early: boolean }
  | { readonly name: "taken_from_store"; readonly endsAt: number | undefined }
  | { readonly name: "failed"; readonly reason: string; readonly retryAt: number }
  | ({ readonly name: "needs_login" } & Need)
  | { readonly name: "store_failed"; readonly error: string }
  | { readonly name: "lock_taken_over"; readonly ageMs: number }
  | { readonly name: "skew"; readonly ms: number };

const WHO: { readonly [reason in Reason]: WhoCanAct } = {
  never_signed_in: "end_user",
  grant_ended: "end_user",
  refresh_lost: "end_user",
  denied: "end_user",
  store_corrupt: "end_user",
  client_refused: "caller",
  displaced: "caller",
  key_refused: "caller",
};

/** Who can act when the issuer named no cause. */
export function whoCanAct(reason: Reason): WhoCanAct {
  return WHO[reason];
}

const WORDS: { readonly [reason in Reason]: string } = {
  never_signed_in: "nobody has signed in yet",
  grant_ended: "the grant ended and cannot be had again without a person",
  refresh_lost: "the refresh token was spent by a request whose answer was lost, and the issuer does not repeat answers",
  client_refused: "the issuer refuses this client or its request",
  denied: "the sign-in was denied or ran out",
  displaced: "another program signed on with the same account",
  key_refused: "the credential was refused and cannot be renewed",
  store_corrupt: "what was stored cannot be read",
};

const ACTS: { readonly [who in WhoCanAct]: string } = {
  caller: "the owner of this program can act",
  owner: "the owner of the credential can act",
  end_user: "a person has to sign in",
  operator: "the operator of the issuer can act",
  time: "time will help",
};

/** The text of an error for people: what happened, who can act, the remedy and the link. */
export function describe(need: Need): string {
  const parts = [need.detail ? `${WORDS[need.reason]} (${need.detail})` : WORDS[need.reason]];
  if (need.cause) parts.push(`cause ${need.cause}`);
  parts.push(ACTS[need.whoCanAct]);
  if (need.remedy) parts.push(need.remedy);
  if (need.link) parts.push(need.link);
  return parts.join("; ");
}
