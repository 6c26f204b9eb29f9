/** Signing in: by code with PKCE, by device, or anew where the session can do it alone (`sdk/BEHAVIOUR.md` 7). */
import { Closed, Misconfigured, NeedsLogin, Unavailable } from "./core/errors.js";
import { backoff, seconds } from "./core/schedule.js";
import { Redacted } from "./core/secret.js";
import { object, parse, readRefusal, text } from "./refusal.js";
import type { Renewer } from "./renewer.js";
import type { Settings } from "./settings.js";
import { equalTexts, sha256url, unguessable } from "./wire/crypto.js";
import type { Answer, Endpoints } from "./wire/issuer.js";
import { failureOf, final, needOf, passing, type Failure, type Final } from "./wire/verdict.js";

/** A sign-in in the browser that has begun. */
export interface SignIn {
  /** The address to open in the person's browser. */
  readonly url: string;
  /** What the way back must carry in its `state`. */
  readonly state: string;
}

/** What a page needs for the way back. Kept in memory, or in the store where pages are left. */
interface Pending {
  readonly state: string;
  readonly verifier: string;
  readonly redirectUri: string;
}

/** How one authorization request differs. */
export interface BeginOptions {
  /** Further parameters of the authorization request, such as `prompt` or `login_hint`. */
  extra?: Readonly<Record<string, string>> | undefined;
}

const DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code";
const MOST_PENDING = 20;

/** What a person is shown to sign in with another device (RFC 8628 3.2). Holds the device code, and does not print it. */
export class DeviceSignIn extends Redacted {
  readonly #code: string;
  constructor(
    /** What the person types in. */
    readonly userCode: string,
    readonly verificationUri: string,
    /** The same with the code in it, for a QR code. */
    readonly verificationUriComplete: string | undefined,
    /** Until when, in milliseconds since 1970. */
    readonly endsAt: number,
    /** Seconds between two questions. */
    readonly interval: number,
    code: string,
  ) {
    super();
    this.#code = code;
  }
  get deviceCode(): string {
    return this.#code;
  }
}

export class Login {
  readonly #settings: Settings;
  readonly #renewer: Renewer;
  readonly #pending = new Map<string, Pending>();

  /** Sessions make it. */
  constructor(settings: Settings, renewer: Renewer) {
    this.#settings = settings;
    this.#renewer = renewer;
  }

  /** Begins a sign-in by code (RFC 6749 4.1, PKCE of RFC 7636): open `url` in the person's browser. */
  async begin(redirectUri: string, options: BeginOptions = {}): Promise<SignIn> {
    this.#expect("authorization_code");
    const endpoints = await this.#endpoints();
    if (!endpoints.authorization) throw new Misconfigured("the authorization endpoint is not known");
    const pending: Pending = { state: unguessable(32), verifier: unguessable(32), redirectUri };
    const { clientId, scope, options: given } = this.#settings;
    const asked = new URLSearchParams({
      response_type: "code",
      client_id: clientId,
      redirect_uri: redirectUri,
      state: pending.state,
      code_challenge: await sha256url(pending.verifier),
      code_challenge_method: "S256",
      ...(scope === undefined ? {} : { scope }),
    });
    for (const resource of given.resource ?? []) asked.append("resource", resource);
    for (const [name, value] of Object.entries({ ...given.authorize, ...options.extra })) asked.set(name, value);
    const url = new URL(endpoints.authorization);
    let parameters = asked;
    if (given.pushed || endpoints.pushedOnly) {
      if (!endpoints.pushed) throw new Misconfigured("the endpoint for pushed requests is not known");
      const address = endpoints.pushed;
      parameters = new URLSearchParams({ client_id: clientId, request_uri: await this.#push(address, asked) });
    }
    for (const [name, value] of parameters) url.searchParams.append(name, value);
    this.#remember(pending);
    return { url: url.href, state: pending.state };
  }

  /** Ends a sign-in by code with the address that the browser came back to. Raises `NeedsLogin` if it did not succeed. */
  async finish(callbackUrl: string | URL): Promise<void> {
    this.#expect("authorization_code");
    const back = new URL(callbackUrl).searchParams;
    const pending = this.#recall(back.get("state") ?? "");
    if (!pending) this.#refuse(final("the way back has another state: it belongs to another sign-in"), true);
    const endpoints = await this.#endpoints();
    const iss = back.get("iss");
    if (endpoints.issuer !== undefined && (iss === null ? endpoints.namesItself : iss !== endpoints.issuer))
      this.#refuse(final("the way back names another issuer than the one that was asked"), true);
    const error = back.get("error");
    if (error !== null) {
      const fields = { error, error_description: back.get("error_description"), error_uri: back.get("error_uri"), cause: back.get("cause") };
      const refusal = readRefusal({ status: 400, headers: new Headers() }, JSON.stringify(fields), this.#settings.now(), 0);
      this.#refuse(failureOfCallback(refusal), error === "access_denied");
    }
    const code = back.get("code");
    if (!code) this.#refuse(final("the way back has no code"), true);
    const form = { grant_type: "authorization_code", code, redirect_uri: pending.redirectUri, code_verifier: pending.verifier };
    const answer = await this.#patiently(() => this.#renewer.issuer.token(form, false));
    // A code that is not taken has run out or was used: the person signs in once more.
    if (answer.kind === "final") this.#refuse(answer, ["invalid_grant", "access_denied", "expired_token"].includes(answer.refusal?.error ?? ""));
    await this.#renewer.signedIn(answer);
  }

  /** Begins a sign-in with another device (RFC 8628): show what it answers, then wait with `finishDevice`. */
  async beginDevice(): Promise<DeviceSignIn> {
    this.#expect("device");
    const endpoints = await this.#endpoints();
    if (!endpoints.device) throw new Misconfigured("the device endpoint is not known");
    const address = endpoints.device;
    const form = new URLSearchParams(this.#settings.scope === undefined ? {} : { scope: this.#settings.scope });
    for (const resource of this.#settings.options.resource ?? []) form.append("resource", resource);
    const answer = await this.#patiently(() => this.#posted(address, form));
    if (answer.kind === "final") this.#refuse(answer, false);
    const json = object(parse(answer.body));
    const code = text(json["device_code"]);
    const userCode = text(json["user_code"]);
    const place = text(json["verification_uri"]) ?? text(json["verification_url"]);
    if (!code || !userCode || !place) this.#refuse(final("the issuer's answer names no codes"), false);
    const endsAt = answer.sentAt + (seconds(json["expires_in"]) ?? 600) * 1000;
    return new DeviceSignIn(userCode, place, text(json["verification_uri_complete"]), endsAt, seconds(json["interval"]) ?? 5, code);
  }

  /** Waits until the person has agreed, at the issuer's pace. Ends with the code at the latest. */
  async finishDevice(device: DeviceSignIn, signal?: AbortSignal): Promise<void> {
    const { now, sleep } = this.#settings;
    let pace = device.interval * 1000;
    let wait = pace;
    while (now() + wait <= device.endsAt) {
      await sleep(wait, signal);
      if (this.#renewer.core.closed) throw new Closed();
      wait = pace;
      const answer = await this.#renewer.issuer.token({ grant_type: DEVICE_CODE, device_code: device.deviceCode }, false);
      if (answer.kind === "granted") return this.#renewer.signedIn(answer);
      if (answer.kind === "passing") {
        wait = Math.max(pace * 2, answer.retryAfter ?? 0);
        continue;
      }
      const error = answer.refusal?.error;
      if (error === "authorization_pending") continue;
      if (error !== "slow_down") this.#refuse(answer, ["access_denied", "expired_token", "invalid_grant"].includes(error ?? ""));
      pace += 5_000;
      wait = pace;
    }
    this.#refuse(final("the code ran out before anybody agreed"), true);
  }

  /**
   * Signs on once more where no person is needed (client credentials, password), after a refusal or after another
   * program took the account's place. Asked for by the program, never by the session itself.
   */
  async again(signal?: AbortSignal): Promise<void> {
    const { grant } = this.#settings;
    if (grant !== "client_credentials" && grant !== "password") throw new Misconfigured(`a session of grant ${grant} cannot sign on alone`);
    if (this.#renewer.core.closed) throw new Closed();
    this.#renewer.core.forget();
    await this.#renewer.ready(signal);
  }

  #expect(grant: string): void {
    if (this.#renewer.core.closed) throw new Closed();
    if (this.#settings.grant !== grant) throw new Misconfigured(`this sign-in is not that of a session of grant ${this.#settings.grant}`);
  }

  async #endpoints(): Promise<Endpoints> {
    const found = await this.#patiently(async () => {
      const endpoints = await this.#renewer.issuer.endpoints();
      return "kind" in endpoints ? endpoints : { kind: "found" as const, endpoints };
    });
    if (found.kind === "final") this.#refuse(found, false);
    return found.endpoints;
  }

  /** RFC 9126 2. */
  async #push(address: string, form: URLSearchParams): Promise<string> {
    const answer = await this.#patiently(() => this.#posted(address, form));
    if (answer.kind === "final") this.#refuse(answer, false);
    const uri = text(object(parse(answer.body))["request_uri"]);
    if (!uri) this.#refuse(final("the issuer's answer names no request_uri"), false);
    return uri;
  }

  async #posted(address: string, form: URLSearchParams): Promise<Answer | Failure> {
    const answer = await this.#renewer.issuer.post(address, form, false);
    if (answer.kind !== "answer") return answer;
    if (answer.status === 200 || answer.status === 201)
      return parse(answer.body) === undefined ? passing("the issuer's answer was not one", { lost: true }) : answer;
    return failureOf(answer.refusal);
  }

  /** Tries what fails in passing again, until patience is over. */
  async #patiently<T extends { kind: string }>(ask: () => Promise<T | Failure>): Promise<T | Final> {
    const { now, sleep, random, patience } = this.#settings;
    let slept = 0;
    for (let failures = 0; ; failures++) {
      const answer = await ask();
      if (answer.kind !== "passing") return answer as T | Final;
      const failure = answer as Extract<Failure, { kind: "passing" }>;
      const wait = backoff(failures, failure.retryAfter, random());
      if (slept + wait > patience) throw new Unavailable(failure.why, now() + wait);
      await sleep(wait);
      slept += wait;
      if (this.#renewer.core.closed) throw new Closed();
    }
  }

  /** Ends a sign-in that did not succeed. What is held stays: a session that lives is not ended by it. */
  #refuse(failure: Final, denied: boolean): never {
    const need = needOf(denied ? "denied" : "client_refused", failure);
    const { core } = this.#renewer;
    if (core.refreshToken === undefined && !core.good(this.#settings.now())) this.#renewer.needs(need);
    throw new NeedsLogin(need);
  }

  #remember(pending: Pending): void {
    const { store } = this.#settings;
    if (store?.keep) return store.keep("pending", JSON.stringify([...this.#stored(), pending].slice(-MOST_PENDING)));
    this.#pending.set(pending.state, pending);
    const oldest = this.#pending.keys().next().value;
    if (this.#pending.size > MOST_PENDING && oldest !== undefined) this.#pending.delete(oldest);
  }

  /** The sign-in with this state, which is over with that. Compared in constant time. */
  #recall(state: string): Pending | undefined {
    const all = this.#settings.store?.keep ? this.#stored() : [...this.#pending.values()];
    const found = all.filter((one) => equalTexts(one.state, state))[0];
    if (found) this.#pending.delete(found.state);
    const rest = all.filter((one) => one !== found);
    if (rest.length > 0) this.#settings.store?.keep?.("pending", JSON.stringify(rest));
    return found;
  }

  #stored(): Pending[] {
    const list = parse(this.#settings.store?.take?.("pending") ?? "");
    return Array.isArray(list) ? (list as Pending[]) : [];
  }
}

function failureOfCallback(refusal: Parameters<typeof failureOf>[0]): Final {
  const failure = failureOf(refusal);
  return failure.kind === "final" ? failure : final(failure.why, refusal);
}
