"""Authorities, servers and clients with certificates, made for a test and thrown away with its folder."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage

PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Identity:
    """A certificate with its key, in files."""

    certificate: Path
    key: Path

    @property
    def pair(self) -> tuple[str, str]:
        return str(self.certificate), str(self.key)

    @property
    def pem(self) -> str:
        return self.certificate.read_text()

    @property
    def der(self) -> bytes:
        return x509.load_pem_x509_certificate(self.certificate.read_bytes()).public_bytes(serialization.Encoding.DER)

    @property
    def thumbprint(self) -> str:
        """RFC 8705 section 3.1."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.der).digest()).rstrip(b"=").decode()


def name(text: str) -> x509.Name:
    return x509.Name.from_rfc4514_string(text)


class Authority:
    """Signs for servers and clients; its own certificate is in `file`."""

    def __init__(self, folder: Path, subject: str = "CN=Test Authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.name = folder, name(subject)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._made = 0
        self.file = folder / "authority.pem"
        self._vouch(self)

    def _vouch(self, other: Authority) -> None:
        """Signs an authority's own certificate."""
        made = (
            self._begun(other.name, other._key.public_key(), self.name)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        other.file.write_bytes(made.public_bytes(PEM))

    def between(self, folder: Path, subject: str) -> Authority:
        """An authority that this one vouches for."""
        made = Authority(folder, subject)
        self._vouch(made)
        return made

    def _begun(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, issuer: x509.Name | None = None, days: int = 30
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer or subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=10))
            .not_valid_after(now + timedelta(days=days))
        )

    def _keep(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Identity:
        self._made += 1
        files = Identity(self.folder / f"{self._made}.pem", self.folder / f"{self._made}.key")
        files.certificate.write_bytes(certificate.public_bytes(PEM))
        files.key.write_bytes(
            key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        files.key.chmod(0o600)
        return files

    def issue(
        self,
        subject: str,
        names: list[x509.GeneralName] | None = None,
        usage: x509.ObjectIdentifier = Usage.CLIENT_AUTH,
        days: int = 30,
    ) -> Identity:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._begun(name(subject), key.public_key(), self.name, days).add_extension(
            x509.ExtendedKeyUsage([usage]), critical=False
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return self._keep(builder.sign(self._key, hashes.SHA256()), key)

    def server(self, subject: str = "CN=127.0.0.1") -> Identity:
        names: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
        return self.issue(subject, names, Usage.SERVER_AUTH)

    def self_signed(self, subject: str = "CN=alone") -> Identity:
        """By its own key: no authority vouches for it."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._begun(name(subject), key.public_key())
        return self._keep(builder.sign(key, hashes.SHA256()), key)
