import { Calls, type Authorized } from "./calls.js";
import { type Held, type Grant } from "./core/core.js";
import { Misconfigured } from "./core/errors.js";
import { AccessToken, Redacted } from "./core/secret.js";
import type { State } from "./core/state.js";
import { Login } from "./login.js";
import { errorOf, refusalOf, type Refusal } from "./refusal.js";
import { renewals } from "./renewals.js";
import { Renewer } from "./renewer.js";
import { Settings, type CommonOptions, type Given, type IssuerOptions } from "./settings.js";

/**
 * The credential of one program at one issuer. It answers one question as often as it is asked: what do I send now?
 * It never hands out a token that it knows to be dead, never fetches two where one would do, never hangs, and never
 * gives up without saying who can help.
 */
export class Session extends Redacted {
  readonly #settings: Settings;
  readonly #renewer: Renewer;
  readonly #calls: Calls;
  /** Remembered for `answered`: what the headers were made of. */
  readonly #sent = new WeakMap<object, Authorized>();
  /** Signing in. */
  readonly login: Login;

  private constructor(grant: Grant, options: Partial<IssuerOptions>, given: Given = {}) {
    super();
    this.#settings = new Settings(grant, options, given);
    this.#renewer = new Renewer(this.#settings);
    this.#calls = new Calls(this.#settings, this.#renewer);
    this.login = new Login(this.#settings, this.#renewer);
    // A drop-in is passed around as a function.
    this.fetch = this.fetch.bind(this);
  }

  /** A program's own access (RFC 6749 4.4). */
  static clientCredentials(options: IssuerOptions): Session {
    return new Session("client_credentials", options);
  }

  /** Access for a person, who signs in in a browser (RFC 6749 4.1 with PKCE): see `login.begin` and `login.finish`. */
  static authorizationCode(options: IssuerOptions): Session {
    return new Session("authorization_code", options);
  }

  /** Access for a person, who signs in with another device (RFC 8628): see `login.beginDevice` and `login.finishDevice`. */
  static device(options: IssuerOptions): Session {
    return new Session("device", options);
  }

  /** Name and password, where a platform still has it (RFC 6749 4.3). */
  static password(options: IssuerOptions & { username: string; password: string }): Session {
    const { username, password, ...rest } = options;
    return new Session("password", rest, { username, password });
  }

  /** A key, sent as headers with each call. Nothing is asked of an issuer. */
  static apiKey(options: CommonOptions & { headers: Readonly<Record<string, string>> }): Session {
    const { headers, ...rest } = options;
    if (Object.keys(headers).length === 0) throw new Misconfigured("headers are missing");
    return new Session("api_key", rest, { headers: { ...headers } });
  }

  /** A refresh token that was obtained elsewhere. With a store, what it became is found there. */
  static refreshToken(options: IssuerOptions & { refreshToken: string }): Session {
    const { refreshToken, ...rest } = options;
    if (!refreshToken) throw new Misconfigured("refreshToken is missing");
    return new Session("refresh_token", rest, { refreshToken });
  }

  /** An access token that was obtained elsewhere and cannot be renewed. `expiresIn`: seconds from now, if known. */
  static accessToken(options: CommonOptions & { accessToken: string; expiresIn?: number | undefined }): Session {
    const { accessToken, expiresIn, ...rest } = options;
    if (!accessToken) throw new Misconfigured("accessToken is missing");
    return new Session("access_token", rest, { accessToken, expiresIn });
  }

  /** How the session is, worked out from what is held and from the clock. */
  state(): State {
    const { core } = this.#renewer;
    if (this.#settings.given.headers && !core.closed && !core.need) return { kind: "live", endsAt: undefined };
    return this.#renewer.state();
  }

  /** Looks into the store, without asking the issuer, and answers the state: what a program begins with that may have signed in before. */
  async look(): Promise<State> {
    await this.#renewer.look();
    return this.state();
  }

  /** A token that is good now; fetched or renewed if need be. An abort ends this waiting alone. */
  async token(options: { signal?: AbortSignal | undefined } = {}): Promise<AccessToken> {
    if (this.#settings.given.headers) throw new Misconfigured("a session of an API key has no token: use authorize or fetch");
    return shown(this.#renewer.current() ?? (await this.#renewer.ready(options.signal)));
  }

  /** The headers of one request. Each request needs its own: a proof of DPoP is good for one. */
  async authorize(method: string, url: string | URL, options: { signal?: AbortSignal | undefined } = {}): Promise<Record<string, string>> {
    const sent = await this.#calls.authorize(method.toUpperCase(), url, options.signal);
    this.#sent.set(sent.headers, sent);
    return sent.headers;
  }

  /**
   * For integrations other than `fetch`: give it the headers that `authorize` made and the answer. `true`: authorize and send
   * the request again. Call it with `retried` for the answers to that.
   * Tell it of other answers than 401 too: they show that the API takes this issuer's tokens, and may hold a nonce for proofs.
   */
  async answered(
    url: string | URL,
    headers: Record<string, string>,
    response: Response,
    options: { replayable?: boolean | undefined; retried?: boolean | undefined } = {},
  ): Promise<boolean> {
    const sent = this.#sent.get(headers);
    if (!sent) throw new Misconfigured("answered needs the headers that authorize gave");
    return (await this.#calls.answered(url, response, sent, options.replayable ?? true, options.retried ? "unknown" : undefined)) !== "return";
  }

  /** A drop-in for the global `fetch`: with the token, and once more after a 401 that a new token can help. */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    return this.#calls.fetch(input, init);
  }

  /** Explains an answer of status 400 or more; `undefined` for others. The body can still be read afterwards. */
  async refusal(response: Response): Promise<Refusal | undefined> {
    if (response.status < 400) return undefined;
    return refusalOf(response, this.#settings.now(), this.#renewer.core.skew);
  }

  /** Returns an answer below 400, and raises the error that belongs to any other. */
  async check(response: Response): Promise<Response> {
    const refusal = await this.refusal(response);
    if (refusal) throw errorOf(refusal);
    return response;
  }

  /**
   * Each token from the one that is good now, as soon as there is a newer one; for programs that hold a stream and send each
   * in band. Renews by itself. Ends with the session, and raises `NeedsLogin` if somebody has to act.
   */
  renewals(): AsyncIterableIterator<AccessToken> {
    return renewals(this.#settings, this.#renewer, shown);
  }

  /** Gives the tokens back (RFC 7009), forgets what is stored, and closes the session. Failures of the issuer do not stop it. */
  async logout(): Promise<void> {
    const { core, issuer, keeper } = this.#renewer;
    await this.#renewer.look().catch(() => undefined);
    await this.#renewer.close();
    const tokens = [
      [core.refreshToken, "refresh_token"],
      [core.token?.text, "access_token"],
    ] as const;
    const asked = this.#settings.options;
    if (asked.revocationEndpoint !== undefined || asked.issuer !== undefined) {
      const endpoints = await issuer.endpoints();
      const address = "kind" in endpoints ? undefined : endpoints.revocation;
      for (const [token, hint] of tokens)
        if (token !== undefined && address !== undefined)
          await issuer.post(address, new URLSearchParams({ token, token_type_hint: hint }), false).catch(() => undefined);
    }
    core.forget();
    const lock = await keeper.lockAnyway();
    await lock?.remove().catch((error: unknown) => keeper.failed(error));
    await keeper.release(lock);
  }

  /** Closes the session; what is stored stays. Calls that wait fail with `Closed`. */
  close(): Promise<void> {
    return this.#renewer.close();
  }
}

function shown(token: Held): AccessToken {
  return new AccessToken(token.text, token.type, token.endsAt, token.scope);
}

