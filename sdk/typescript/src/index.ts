/** A session that never dies. This entry point works in Node, browsers and Deno; `@mandate/session/node` adds files. */
export { Session } from "./session.js";
export type { ClientAuth, CommonOptions, IssuerOptions, Surroundings } from "./settings.js";
export type { Reason, SessionEvent, State, Need } from "./core/state.js";
export type { Jwk } from "./core/stored.js";
export { AccessToken } from "./core/secret.js";
export { DeviceSignIn, type BeginOptions, type Login, type SignIn } from "./login.js";
export { Cause, causeEntry, type CauseEntry, type CauseId, type WhoCanAct } from "./causes.js";
export { readRefusal, type Refusal } from "./refusal.js";
export {
  Closed,
  CredentialRefused,
  IssuerUnavailable,
  LicenceRefused,
  Misconfigured,
  NeedsLogin,
  RateLimited,
  Refused,
  ScopeMissing,
  SessionError,
  Unavailable,
} from "./core/errors.js";
export { LockTimeout, type LockRequest, type Store, type StoreLock } from "./stores/store.js";
export { MemoryStore } from "./stores/memory.js";
export { WebLocksStore } from "./stores/web-locks.js";
