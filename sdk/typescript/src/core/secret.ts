/** The word that stands for a secret wherever it would print. */
export const REDACTED = "[secret]";

/** What Node's `util.inspect` and `console.log` look for. Registered, so nothing of Node is imported. */
export const INSPECT: unique symbol = Symbol.for("nodejs.util.inspect.custom") as never;

/** What Deno's `console.log` looks for. */
export const DENO_INSPECT: unique symbol = Symbol.for("Deno.customInspect") as never;

/** Base of what holds a secret: none of the usual ways to print it shows what is inside. */
export abstract class Redacted {
  toString(): string {
    return REDACTED;
  }
  toJSON(): string {
    return REDACTED;
  }
  [INSPECT](): string {
    return `${this.constructor.name} ${REDACTED}`;
  }
  [DENO_INSPECT](): string {
    return `${this.constructor.name} ${REDACTED}`;
  }
}

/** An access token as it is handed to the program. Only `text` shows it. */
export class AccessToken extends Redacted {
  readonly #text: string;
  /** `Bearer` or `DPoP`: the word in front of it in the `Authorization` header. */
  readonly type: "Bearer" | "DPoP";
  /** When it ends, in milliseconds since 1970 by this machine's clock; `undefined` if the issuer did not say. */
  readonly endsAt: number | undefined;
  /** What it may do, as the issuer said or as it was asked for. */
  readonly scope: string | undefined;

  constructor(text: string, type: "Bearer" | "DPoP", endsAt: number | undefined, scope: string | undefined) {
    super();
    this.#text = text;
    this.type = type;
    this.endsAt = endsAt;
    this.scope = scope;
  }

  /** The token itself. */
  get text(): string {
    return this.#text;
  }
}

/** The headers of one authorized request, as own members: spread them, or give them to `new Headers`. They do not print. */
export class AuthorizationHeaders extends Redacted {
  private constructor() {
    super();
  }

  /** Makes the plain record that `fetch` takes; its members print as `[secret]`. */
  static of(headers: Record<string, string>): Record<string, string> {
    return Object.assign(Object.create(AuthorizationHeaders.prototype) as object, headers) as Record<string, string>;
  }
}
