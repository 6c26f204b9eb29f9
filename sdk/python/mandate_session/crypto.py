"""Signatures: DPoP proofs (RFC 9449) and client assertions (RFC 7523). Needs the extra `crypto`."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from .errors import Misconfigured

try:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
except ImportError:  # pragma: no cover - said in words that help
    raise Misconfigured("DPoP and private_key_jwt need the extra `crypto`: pip install 'mandate-session[crypto]'") from None


def b64(data: bytes) -> str:
    """base64url without padding (RFC 7515 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(jwk: Mapping[str, Any], name: str) -> int:
    text = str(jwk[name])
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


class Key:
    """A private key that signs."""

    def __init__(self, jwk: Mapping[str, Any]) -> None:
        try:
            self._private, self.algorithm, names = _loaded(jwk)
        except Misconfigured:
            raise
        except (KeyError, ValueError, TypeError):
            raise Misconfigured("jwk is not a private key of EC P-256, RSA or Ed25519") from None
        self.kid = jwk.get("kid")
        self.public = {name: str(jwk[name]) for name in names}

    def __repr__(self) -> str:
        return "Key([secret])"

    def jws(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        """A compact JWS (RFC 7515)."""
        head = b64(json.dumps({**header, "alg": self.algorithm}, separators=(",", ":")).encode())
        message = f"{head}.{b64(json.dumps(claims, separators=(',', ':')).encode())}"
        return f"{message}.{b64(self._sign(message.encode()))}"

    def _sign(self, message: bytes) -> bytes:
        key = self._private
        if isinstance(key, ec.EllipticCurvePrivateKey):
            r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        if isinstance(key, rsa.RSAPrivateKey):
            if self.algorithm == "PS256":
                return key.sign(message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
            return key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return key.sign(message)


_Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def _loaded(jwk: Mapping[str, Any]) -> tuple[_Private, str, tuple[str, ...]]:
    kind = jwk.get("kty")
    if kind == "EC" and jwk.get("crv") == "P-256":
        point = ec.EllipticCurvePublicNumbers(_number(jwk, "x"), _number(jwk, "y"), ec.SECP256R1())
        return ec.EllipticCurvePrivateNumbers(_number(jwk, "d"), point).private_key(), "ES256", ("kty", "crv", "x", "y")
    if kind == "RSA":
        public = rsa.RSAPublicNumbers(_number(jwk, "e"), _number(jwk, "n"))
        n, e, d = public.n, public.e, _number(jwk, "d")
        p, q = (_number(jwk, "p"), _number(jwk, "q")) if "p" in jwk else rsa.rsa_recover_prime_factors(n, e, d)
        numbers = rsa.RSAPrivateNumbers(p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), public)
        return numbers.private_key(), "PS256" if jwk.get("alg") == "PS256" else "RS256", ("kty", "n", "e")
    if kind == "OKP" and jwk.get("crv") == "Ed25519":
        text = str(jwk["d"])
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return ed25519.Ed25519PrivateKey.from_private_bytes(raw), "EdDSA", ("kty", "crv", "x")
    raise Misconfigured("jwk must be of EC P-256, RSA or Ed25519")


def new_dpop_jwk() -> dict[str, str]:
    """A fresh ES256 key."""
    numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    public = numbers.public_numbers
    parts = {"x": public.x, "y": public.y, "d": numbers.private_value}
    return {"kty": "EC", "crv": "P-256", **{name: b64(n.to_bytes(32, "big")) for name, n in parts.items()}}


def proof(key: Key, method: str, url: str, iat: int, token: str | None, nonce: str | None) -> str:
    """A DPoP proof (RFC 9449 4.2). `iat` in seconds by the issuer's clock."""
    htu = urlsplit(url)._replace(query="", fragment="").geturl()
    claims: dict[str, Any] = {"jti": b64(secrets.token_bytes(16)), "htm": method.upper(), "htu": htu, "iat": iat}
    if token is not None:
        claims["ath"] = b64(hashlib.sha256(token.encode()).digest())
    if nonce is not None:
        claims["nonce"] = nonce
    return key.jws({"typ": "dpop+jwt", "jwk": key.public}, claims)


def assertion(key: Key, client_id: str, audience: str, iat: int) -> str:
    """A client assertion (RFC 7523 2.2), good for a minute."""
    header: dict[str, Any] = {"typ": "JWT"}
    if key.kid:
        header["kid"] = key.kid
    claims = {"iss": client_id, "sub": client_id, "aud": audience, "jti": b64(secrets.token_bytes(16)), "iat": iat, "exp": iat + 60}
    return key.jws(header, claims)
