/** The little cryptography that a client of OAuth needs, all of it by WebCrypto. */
import { Misconfigured } from "../core/errors.js";
import { Redacted } from "../core/secret.js";
import type { Jwk } from "../core/stored.js";

const encoder = new TextEncoder();
const subtle = (): SubtleCrypto => {
  const found = globalThis.crypto?.subtle;
  if (!found) throw new Misconfigured("WebCrypto is missing: in browsers it needs https or localhost");
  return found;
};

/** Base64url without padding (RFC 7515 2). */
export function base64url(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Base64 of a text's UTF-8. */
export function base64(text: string): string {
  let binary = "";
  for (const byte of encoder.encode(text)) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** A text of `bytes` random bytes from the system's generator. */
export function unguessable(bytes: number): string {
  return base64url(globalThis.crypto.getRandomValues(new Uint8Array(bytes)));
}

/** SHA-256 of a text's UTF-8, as base64url: `code_challenge` (RFC 7636 4.2) and `ath` (RFC 9449 4.2) are made so. */
export async function sha256url(text: string): Promise<string> {
  return base64url(new Uint8Array(await subtle().digest("SHA-256", encoder.encode(text))));
}

/** SHA-256 of a text's UTF-8, in hex. */
export async function sha256hex(text: string): Promise<string> {
  const bytes = new Uint8Array(await subtle().digest("SHA-256", encoder.encode(text)));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether two texts are equal, in a time that does not tell where they differ. */
export function equalTexts(left: string, right: string): boolean {
  const a = encoder.encode(left);
  const b = encoder.encode(right);
  let different = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) different |= (a[i] ?? 0) ^ (b[i % Math.max(1, b.length)] ?? 0);
  return different === 0;
}

type Algorithm = { readonly imported: object; readonly signed: object };

/** Algorithms of JWS (RFC 7518 3.1, RFC 8037) by name, as WebCrypto calls them. */
const ALGORITHMS: { readonly [name: string]: Algorithm } = {
  ES256: { imported: { name: "ECDSA", namedCurve: "P-256" }, signed: { name: "ECDSA", hash: "SHA-256" } },
  RS256: { imported: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, signed: { name: "RSASSA-PKCS1-v1_5" } },
  PS256: { imported: { name: "RSA-PSS", hash: "SHA-256" }, signed: { name: "RSA-PSS", saltLength: 32 } },
  EdDSA: { imported: { name: "Ed25519" }, signed: { name: "Ed25519" } },
};

/** A private key that signs compact JWS. */
export class Signer extends Redacted {
  readonly #key: CryptoKey;

  private constructor(
    key: CryptoKey,
    readonly algorithm: string,
    readonly keyId: string | undefined,
  ) {
    super();
    this.#key = key;
  }

  /** Reads a private JWK. The algorithm is its `alg`, or follows from its kind. */
  static async of(jwk: Jwk): Promise<Signer> {
    const kinds: { [kind: string]: string } = { EC: "ES256", RSA: "RS256", OKP: "EdDSA" };
    const name = typeof jwk["alg"] === "string" ? jwk["alg"] : (kinds[jwk.kty] ?? "");
    const algorithm = ALGORITHMS[name];
    if (!algorithm) throw new Misconfigured(`keys of algorithm ${name || "unknown"} cannot be used`);
    // Members about use would only forbid what is asked for here; `alg` of OKP keys is spelt in two ways.
    const { alg: _alg, use: _use, key_ops: _ops, kid, ...bare } = jwk as { [member: string]: unknown };
    try {
      const key = await subtle().importKey("jwk", bare as JsonWebKey, algorithm.imported as EcKeyImportParams, false, ["sign"]);
      return new Signer(key, name, typeof kid === "string" ? kid : undefined);
    } catch {
      throw new Misconfigured(`the private key cannot be read as one of ${name}`);
    }
  }

  /** Of a key that was just made. Typed loosely: not every project that uses this library has WebCrypto's types. */
  static generated(key: unknown): Signer {
    return new Signer(key as CryptoKey, "ES256", undefined);
  }

  /** A compact JWS (RFC 7515 7.1). */
  async sign(header: object, claims: object): Promise<string> {
    const part = (value: object): string => base64url(encoder.encode(JSON.stringify(value)));
    const content = `${part(header)}.${part(claims)}`;
    const algorithm = ALGORITHMS[this.algorithm] as Algorithm;
    const signature = await subtle().sign(algorithm.signed as AlgorithmIdentifier, this.#key, encoder.encode(content));
    return `${content}.${base64url(new Uint8Array(signature))}`;
  }
}

/** The key of one session's proofs (RFC 9449). */
export class ProofKey extends Redacted {
  private constructor(
    private readonly signer: Signer,
    private readonly open: object,
    /** The private key, where it is to be stored. */
    readonly jwk: Jwk | undefined,
  ) {
    super();
  }

  /** Makes a key; one that will be stored can be exported, another cannot. */
  static async generate(stored: boolean): Promise<ProofKey> {
    const pair = await subtle().generateKey({ name: "ECDSA", namedCurve: "P-256" }, stored, ["sign", "verify"]);
    const { kty, crv, x, y } = await subtle().exportKey("jwk", pair.publicKey);
    const open = { kty, crv, x, y };
    const d = stored ? (await subtle().exportKey("jwk", pair.privateKey)).d : undefined;
    return new ProofKey(Signer.generated(pair.privateKey), open, d ? ({ ...open, d } as Jwk) : undefined);
  }

  static async of(jwk: Jwk): Promise<ProofKey> {
    const { kty, crv, x, y } = jwk;
    return new ProofKey(await Signer.of({ ...jwk, alg: "ES256" }), { kty, crv, x, y }, jwk);
  }

  /** A proof for one request (RFC 9449 4.2). `now` is milliseconds by the issuer's clock. */
  async proof(method: string, url: URL, now: number, nonce: string | undefined, token: string | undefined): Promise<string> {
    return this.signer.sign(
      { typ: "dpop+jwt", alg: "ES256", jwk: this.open },
      {
        jti: unguessable(16),
        htm: method,
        htu: url.origin + url.pathname,
        iat: Math.floor(now / 1000),
        ...(token === undefined ? {} : { ath: await sha256url(token) }),
        ...(nonce === undefined ? {} : { nonce }),
      },
    );
  }
}
