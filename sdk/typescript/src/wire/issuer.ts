/** The issuer: its endpoints, and one request to one of them. */
import { retryAfter, skewOf } from "../core/schedule.js";
import { Misconfigured } from "../core/errors.js";
import type { Core } from "../core/core.js";
import { object, parse, readRefusal, text, type Refusal } from "../refusal.js";
import type { Settings } from "../settings.js";
import { base64, Signer, unguessable, type ProofKey } from "./crypto.js";
import { failureOf, failureOfFetch, final, grantedOf, passing, type Failure, type Success } from "./verdict.js";

/** Addresses of the issuer, as given or as its metadata says. */
export interface Endpoints {
  readonly issuer: string | undefined;
  readonly token: string;
  readonly authorization: string | undefined;
  readonly device: string | undefined;
  readonly revocation: string | undefined;
  readonly pushed: string | undefined;
  /** The issuer insists on pushed authorization requests (RFC 9126 5). */
  readonly pushedOnly: boolean;
  /** The issuer announces that it names itself in the way back (RFC 9207 3). */
  readonly namesItself: boolean;
  /** The metadata name `client_secret_post` and not `client_secret_basic`. */
  readonly secretInBody: boolean;
}

/** An answer of the issuer, read to its end. */
export interface Answer {
  readonly kind: "answer";
  readonly status: number;
  readonly body: string;
  readonly refusal: Refusal;
  readonly sentAt: number;
}

const FORM = "application/x-www-form-urlencoded";

export class Issuer {
  readonly #settings: Settings;
  readonly #core: Core;
  readonly #proofKey: () => Promise<ProofKey>;
  #endpoints: Endpoints | undefined;
  #signer: Promise<Signer> | undefined;
  /** Nonces of DPoP by origin, the API's among them (RFC 9449 8.2). */
  readonly nonces = new Map<string, string>();

  constructor(settings: Settings, core: Core, proofKey: () => Promise<ProofKey>) {
    this.#settings = settings;
    this.#core = core;
    this.#proofKey = proofKey;
  }

  /** The endpoints; read once from the metadata if they were not given. */
  async endpoints(): Promise<Endpoints | Failure> {
    if (this.#endpoints) return this.#endpoints;
    const { options } = this.#settings;
    let found: { readonly [name: string]: unknown } = {};
    if (options.issuer !== undefined && options.tokenEndpoint === undefined) {
      const metadata = await this.#metadata(options.issuer);
      if ("kind" in metadata) return metadata as unknown as Failure;
      found = metadata;
    }
    const token = options.tokenEndpoint ?? text(found["token_endpoint"]);
    if (token === undefined) return final("the metadata of the issuer names no token endpoint");
    const endpoints: Endpoints = {
      issuer: options.issuer,
      token,
      authorization: options.authorizationEndpoint ?? text(found["authorization_endpoint"]),
      device: options.deviceEndpoint ?? text(found["device_authorization_endpoint"]),
      revocation: options.revocationEndpoint ?? text(found["revocation_endpoint"]),
      pushed: options.pushedEndpoint ?? text(found["pushed_authorization_request_endpoint"]),
      pushedOnly: found["require_pushed_authorization_requests"] === true,
      namesItself: found["authorization_response_iss_parameter_supported"] === true,
      secretInBody: isInBody(found["token_endpoint_auth_methods_supported"]),
    };
    for (const address of [endpoints.token, endpoints.device, endpoints.revocation, endpoints.pushed])
      if (address !== undefined && !this.#safe(address)) return final("the metadata of the issuer names an address that is not https");
    return (this.#endpoints = endpoints);
  }

  /** RFC 8414 3.1, the same with the path before (some issuers have it so), then OpenID Connect Discovery 4. What speaks for another issuer is not believed (RFC 8414 3.3). */
  async #metadata(issuer: string): Promise<{ readonly [name: string]: unknown } | Failure> {
    const url = new URL(issuer);
    const path = url.pathname.replace(/\/$/, "");
    const places = [
      `${url.origin}/.well-known/oauth-authorization-server${path}`,
      ...(path === "" ? [] : [`${url.origin}${path}/.well-known/oauth-authorization-server`]),
      `${url.origin}${path}/.well-known/openid-configuration`,
    ];
    for (const place of places) {
      const answer = await this.#exchange(place, { method: "GET", headers: { accept: "application/json" } });
      if (answer.kind === "passing") return answer;
      if (answer.status === 200) {
        const json = object(parse(answer.body));
        if (text(json["issuer"]) === undefined) return passing("the metadata of the issuer cannot be read", { garbage: true });
        if (json["issuer"] !== issuer) return final("the metadata speaks for another issuer than the one asked for");
        return json;
      }
      const failure = failureOf(answer.refusal);
      if (failure.kind === "passing") return failure;
    }
    return final("the issuer has no metadata at its address");
  }

  #safe(address: string): boolean {
    try {
      return this.#settings.safe(new URL(address));
    } catch {
      return false;
    }
  }

  /** Asks for a token with the parameters of a grant. */
  async token(parameters: Readonly<Record<string, string>>, withScope: boolean): Promise<Success | Failure> {
    const endpoints = await this.endpoints();
    if ("kind" in endpoints) return endpoints;
    const { options, scope } = this.#settings;
    const form = new URLSearchParams(parameters);
    if (withScope && scope !== undefined) form.set("scope", scope);
    for (const resource of options.resource ?? []) form.append("resource", resource);
    for (const [name, value] of Object.entries(options.extra ?? {})) form.set(name, value);
    const answer = await this.post(endpoints.token, form, options.dpop === true);
    if (answer.kind !== "answer") return answer;
    if (answer.status !== 200) return failureOf(answer.refusal);
    const granted = grantedOf(answer.body, options.dpop === true);
    return "kind" in granted ? granted : { kind: "granted", granted, sentAt: answer.sentAt };
  }

  /**
   * Posts a form as this client. Asks again at once for a nonce (at most twice in a row), and once with the right
   * time if a signed one was refused and this answer's `Date` shows that the clock was wrong.
   */
  async post(address: string, given: URLSearchParams, proven: boolean): Promise<Answer | Failure> {
    const url = new URL(address);
    let nonces = 0;
    let corrected = false;
    for (;;) {
      const form = new URLSearchParams(given);
      const headers: Record<string, string> = { accept: "application/json", "content-type": FORM };
      await this.#authenticate(form, headers);
      const skew = this.#core.skew;
      const nonce = this.nonces.get(url.origin);
      if (proven) headers["dpop"] = await (await this.#proofKey()).proof("POST", url, this.#settings.now() + skew, nonce, undefined);
      const answer = await this.#exchange(address, { method: "POST", headers, body: form.toString() }, form);
      if (answer.kind !== "answer" || answer.status === 200) return answer;
      const { error } = answer.refusal;
      if (proven && error === "use_dpop_nonce" && this.nonces.get(url.origin) !== nonce && nonces < 2) {
        nonces += 1;
        continue;
      }
      const signed = proven || this.#settings.auth === "private_key_jwt";
      const wrong = answer.measured !== undefined && Math.abs(answer.measured - skew) > 30_000;
      if (signed && wrong && !corrected && (error === "invalid_client" || error === "invalid_dpop_proof")) {
        corrected = true;
        continue;
      }
      return answer;
    }
  }

  /** Puts the client's name, and what proves it, into a request. */
  async #authenticate(form: URLSearchParams, headers: Record<string, string>): Promise<void> {
    const { options, clientId } = this.#settings;
    const usual = options.clientAuth === undefined && this.#settings.auth === "basic";
    const auth = usual && this.#endpoints?.secretInBody ? "post" : this.#settings.auth;
    const secret = options.clientSecret ?? "";
    if (auth === "basic") {
      headers["authorization"] = `Basic ${base64(`${encoded(clientId)}:${encoded(secret)}`)}`;
      return;
    }
    form.set("client_id", clientId);
    if (auth === "post") form.set("client_secret", secret);
    if (auth !== "private_key_jwt") return;
    if (!options.privateKey) throw new Misconfigured("private_key_jwt needs privateKey");
    const signer = await (this.#signer ??= Signer.of(options.privateKey));
    const now = Math.floor((this.#settings.now() + this.#core.skew) / 1000);
    // The issuer itself is what servers of today take (FAPI 2.0 5.3.3.1); without its name, the endpoint.
    const audience = options.assertionAudience ?? options.issuer ?? options.tokenEndpoint;
    const header = { typ: "JWT", alg: signer.algorithm, ...(signer.keyId === undefined ? {} : { kid: signer.keyId }) };
    const claims = { iss: clientId, sub: clientId, aud: audience, jti: unguessable(16), iat: now, exp: now + 120 };
    form.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    form.set("client_assertion", await signer.sign(header, claims));
  }

  /** One request and its answer. Learns from it the issuer's clock and a nonce. */
  async #exchange(
    address: string,
    init: RequestInit,
    form = new URLSearchParams(),
  ): Promise<(Answer & { readonly measured: number | undefined }) | Extract<Failure, { kind: "passing" }>> {
    const { now, fetch, timeout } = this.#settings;
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), timeout);
    const sentAt = now();
    try {
      const response = await fetch(address, { ...init, redirect: "manual", cache: "no-store", credentials: "omit", signal: patience.signal });
      const answeredAt = now();
      const body = await response.text();
      const measured = skewOf(response.headers.get("date"), sentAt, answeredAt);
      if (measured !== undefined && Math.abs(measured - this.#core.skew) > 2_000) {
        this.#core.skew = measured;
        this.#settings.emit({ name: "skew", ms: measured });
      }
      const nonce = response.headers.get("dpop-nonce");
      if (nonce) this.nonces.set(new URL(address).origin, nonce);
      const read = readRefusal(response, body, answeredAt, this.#core.skew);
      const wait = retryAfter(response.headers.get("retry-after"), answeredAt, this.#core.skew);
      const refusal = scrubbed({ ...read, retryAfter: wait === undefined ? undefined : wait / 1000 }, this.#secretsOf(form));
      return { kind: "answer", status: response.status, body, refusal, sentAt, measured };
    } catch (error) {
      if (error instanceof Misconfigured) throw error;
      return failureOfFetch(error, patience.signal.aborted);
    } finally {
      clearTimeout(timer);
    }
  }

  /** What was sent and must not come back in an error's text. */
  #secretsOf(form: URLSearchParams): string[] {
    const names = ["refresh_token", "password", "code", "code_verifier", "device_code", "client_secret", "client_assertion", "token"];
    return [this.#settings.options.clientSecret, ...names.map((name) => form.get(name))].filter((one): one is string => !!one);
  }
}

function isInBody(methods: unknown): boolean {
  return Array.isArray(methods) && methods.includes("client_secret_post") && !methods.includes("client_secret_basic");
}

/** RFC 6749 2.3.1 and its appendix B: form-encoded, before base64. */
function encoded(value: string): string {
  return new URLSearchParams([["", value]]).toString().slice(1);
}

/** An issuer that repeats a secret in its words shall not bring it into a log. */
function scrubbed(refusal: Refusal, secrets: readonly string[]): Refusal {
  const clean = <T extends string | undefined>(value: T): T =>
    secrets.reduce<string | undefined>((whole, secret) => whole?.replaceAll(secret, "[secret]"), value) as T;
  return {
    ...refusal,
    error: clean(refusal.error),
    errorDescription: clean(refusal.errorDescription),
    cause: clean(refusal.cause),
    remedy: clean(refusal.remedy),
    errorUri: clean(refusal.errorUri),
    facts: {},
  };
}
