"""Certificates made for a test: an authority of its own, and what it signs."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from infra.tls import Pair

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def a_key(kind: str = "ec") -> Key:
    """A fresh private key."""
    return rsa.generate_private_key(65_537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())


def pem(key: Key, passphrase: str = "") -> bytes:
    """The key as a file holds it."""
    how: KeySerializationEncryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)


@dataclass
class Authority:
    """Signs certificates for this machine; `ca_file` is what its clients trust."""

    folder: Path
    key: Key = field(default_factory=a_key)
    signed: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificate = self._sign("authority", self.key, days=(-1, 30), authority=True)
        self.ca_file = self.folder / "ca.pem"
        self.ca_file.write_bytes(self.certificate.public_bytes(Encoding.PEM))

    def pair(self, *, kind: str = "ec", days: tuple[int, int] = (-1, 30), name: str = "server") -> Pair:
        """A certificate for localhost and its key, valid from and to so many days from today."""
        pair, key = Pair(self.folder / f"{name}.pem", self.folder / f"{name}.key"), a_key(kind)
        pair.key.write_bytes(pem(key))
        pair.certificate.write_bytes(self._sign(name, key, days).public_bytes(Encoding.PEM))
        return pair

    def _sign(self, name: str, key: Key, days: tuple[int, int], *, authority: bool = False) -> x509.Certificate:
        self.signed += 1
        now = datetime.now(UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = subject if authority else self.certificate.subject
        names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1")), x509.IPAddress(ip_address("::1"))]
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(self.signed)
            .not_valid_before(now + timedelta(days=days[0]))
            .not_valid_after(now + timedelta(days=days[1]))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )
