"""Checks what clients sign: DPoP proofs (RFC 9449) and client assertions (RFC 7523). ES256 and RS256, by hand, so that the
scenarios need nothing but Python. It guards nothing: the secrets of a scenario are made up."""

import base64
import hashlib
import json

# The curve P-256 (FIPS 186-5, SP 800-186).
P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
     0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)
# DER of the digest's name before a SHA-256 digest (RFC 8017 9.2).
SHA256_NAME = bytes.fromhex("3031300d060960864801650304020105000420")


def decoded(text: str) -> bytes:
    if "=" in text or not text.isascii():
        raise ValueError("not base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(text: str) -> int:
    return int.from_bytes(decoded(text), "big")


def add(p, q):
    if p is None:
        return q
    if q is None:
        return p
    if p[0] == q[0]:
        if (p[1] + q[1]) % P == 0:
            return None
        slope = (3 * p[0] * p[0] - 3) * pow(2 * p[1], -1, P) % P
    else:
        slope = (q[1] - p[1]) * pow(q[0] - p[0], -1, P) % P
    x = (slope * slope - p[0] - q[0]) % P
    return x, (slope * (p[0] - x) - p[1]) % P


def times(k, point):
    total = None
    while k:
        if k & 1:
            total = add(total, point)
        point = add(point, point)
        k >>= 1
    return total


def es256(jwk: dict, message: bytes, signature: bytes) -> bool:
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256" or len(signature) != 64:
        return False
    public = number(jwk["x"]), number(jwk["y"])
    if (public[1] ** 2 - (public[0] ** 3 - 3 * public[0] + B)) % P:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not (0 < r < N and 0 < s < N):
        return False
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    inverse = pow(s, -1, N)
    point = add(times(digest * inverse % N, G), times(r * inverse % N, public))
    return point is not None and point[0] % N == r


def rs256(jwk: dict, message: bytes, signature: bytes) -> bool:
    if jwk.get("kty") != "RSA":
        return False
    modulus = number(jwk["n"])
    size = (modulus.bit_length() + 7) // 8
    opened = pow(int.from_bytes(signature, "big"), number(jwk["e"]), modulus).to_bytes(size, "big")
    content = SHA256_NAME + hashlib.sha256(message).digest()
    return opened == b"\x00\x01" + b"\xff" * (size - len(content) - 3) + b"\x00" + content


def opened(text: str, jwk: dict | None) -> tuple[dict, dict]:
    """Header and claims of a JWS whose signature holds. With no key, the header's own counts (proofs)."""
    head, claims, signature = text.split(".")
    header = json.loads(decoded(head))
    key = jwk or header["jwk"]
    check = {"ES256": es256, "RS256": rs256}.get(header.get("alg"))
    if check is None or not check(key, f"{head}.{claims}".encode(), decoded(signature)):
        raise ValueError("the signature does not hold")
    return header, json.loads(decoded(claims))


def thumbprint(jwk: dict) -> str:
    """RFC 7638."""
    needed = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}[jwk["kty"]]
    text = json.dumps({name: jwk[name] for name in needed}, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def proof(text: str, method: str, url: str, token: str | None, now: int, seen: set, nonce: str | None):
    """The thumbprint of a proof's key, and what is wrong with it ("nonce", words, or None)."""
    try:
        header, claims = opened(text, None)
        if header.get("typ") != "dpop+jwt" or "d" in header["jwk"] or header["alg"] != "ES256":
            return None, "typ, alg or jwk"
        if claims.get("htm") != method or claims.get("htu") != url:
            return None, f"htm or htu: {claims.get('htm')} {claims.get('htu')}, wanted {method} {url}"
        if len(str(claims["jti"])) < 16 or claims["jti"] in seen:
            return None, "jti"
        if type(claims["iat"]) is not int or abs(claims["iat"] - now) > 60:
            return None, "iat"
        digest = hashlib.sha256((token or "").encode()).digest()
        if claims.get("ath") != (base64.urlsafe_b64encode(digest).rstrip(b"=").decode() if token is not None else None):
            return None, "ath"
        if nonce is not None and claims.get("nonce") != nonce:
            return None, "nonce"
        seen.add(claims["jti"])
        return thumbprint(header["jwk"]), None
    except (ValueError, KeyError, TypeError) as error:
        return None, f"{type(error).__name__}: {error}"


def assertion(text: str, jwk: dict | None, client: str, audiences: set, now: int, seen: set) -> str | None:
    """What is wrong with a client assertion, or None."""
    try:
        if jwk is None:
            return "no key is registered"
        header, claims = opened(text, jwk)
        if "d" in jwk or "d" in header:
            return "a private key was sent"
        if claims.get("iss") != client or claims.get("sub") != client:
            return "iss or sub"
        audience = claims.get("aud")
        if not set(audience if isinstance(audience, list) else [audience]) & audiences:
            return "aud"
        if type(claims["exp"]) is not int or not now < claims["exp"] <= now + 300:
            return "exp"
        if type(claims.get("iat", now)) is not int or claims.get("iat", now) > now + 30:
            return "iat"
        if claims["jti"] in seen:
            return "jti"
        seen.add(claims["jti"])
        return None
    except (ValueError, KeyError, TypeError) as error:
        return f"{type(error).__name__}: {error}"
