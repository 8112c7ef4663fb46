"""TLS: the certificate of a door of ours, taken anew while it is open; and what we ask of the servers that we call."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from infra.clock import Clock
from infra.errors import WrongSetting

log = logging.getLogger(__name__)

_OLDEST: Final = ssl.TLSVersion.TLSv1_2


@dataclass(frozen=True)
class Pair:
    """Where a certificate (with those between it and its authority) and its key lie."""

    certificate: Path
    key: Path

    def loaded(self, now: datetime) -> ssl.SSLContext:
        """A context with this certificate, if a client could trust it at that time.

        Raises:
            WrongSetting: a file is missing, no PEM or of an unknown kind, the key is another certificate's or is
                encrypted, or the certificate is not valid at that time.
        """
        certificate, certified = self._certificate()
        if self._public_key() != certified:
            raise WrongSetting(f"the TLS key {self.key} is not that of the certificate {self.certificate}")
        if now > certificate.not_valid_after_utc:
            raise WrongSetting(
                f"{self.certificate} has expired on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
            )
        if now < certificate.not_valid_before_utc:
            raise WrongSetting(
                f"{self.certificate} is not valid before {certificate.not_valid_before_utc:%F %H:%M} UTC"
            )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _OLDEST
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise WrongSetting(f"{self.certificate} and {self.key} cannot be used: {error}") from None
        return context

    def state(self) -> tuple[tuple[int, int, int], ...]:
        """What changes when somebody writes or replaces one of the files; empty while one is missing."""
        try:
            found = [each.stat() for each in (self.certificate, self.key)]
        except OSError:
            return ()
        return tuple((each.st_ino, each.st_mtime_ns, each.st_size) for each in found)

    def _certificate(self) -> tuple[x509.Certificate, bytes]:
        """It, and the public key that it is for."""
        try:
            certificate = x509.load_pem_x509_certificates(_read(self.certificate))[0]
            return certificate, certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        except UnsupportedAlgorithm as error:
            raise WrongSetting(f"{self.certificate} is of a kind that cannot be used: {error}") from None
        except ValueError:
            raise WrongSetting(f"{self.certificate} holds no certificate in PEM") from None

    def _public_key(self) -> bytes:
        try:
            key = load_pem_private_key(_read(self.key), password=None)
        except TypeError:
            raise WrongSetting(f"{self.key} is encrypted: give a key without a passphrase") from None
        except UnsupportedAlgorithm as error:
            raise WrongSetting(f"{self.key} is of a kind that cannot be used: {error}") from None
        except ValueError:
            raise WrongSetting(f"{self.key} holds no private key in PEM") from None
        return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


class Door:
    """The context of a listening socket; `look` has its next clients see a certificate that was renewed.

    Raises:
        WrongSetting: the certificate or its key cannot be used.
    """

    def __init__(self, pair: Pair, clock: Clock) -> None:
        self._pair, self._clock = pair, clock
        self._state = pair.state()
        self._current = self.context = pair.loaded(self._now())
        # A context of its own for each certificate: loaded into one, a key of another kind would not replace the first.
        self.context.sni_callback = self._choose

    async def watch(self, every_s: float, asked: asyncio.Event) -> None:
        """Look so often, and whenever asked, for ever; whatever goes wrong with a look, the next one comes."""
        while True:
            try:
                async with asyncio.timeout(every_s):
                    await asked.wait()
            except TimeoutError:
                pass
            by_order = asked.is_set()
            asked.clear()
            try:
                await asyncio.to_thread(self.look, unconditionally=by_order)
            except Exception:
                log.exception("the TLS certificate could not be looked at")

    def look(self, *, unconditionally: bool = False) -> None:
        """Take the certificate anew if its files have changed; one that cannot be used leaves the last one in place."""
        state = self._pair.state()
        if state == self._state and not unconditionally:
            return
        self._state = state
        try:
            self._current = self._pair.loaded(self._now())
        except WrongSetting as error:
            log.error("the TLS certificate was not renewed, the last one stays: %s", error)
        else:
            log.info("the TLS certificate was taken anew", extra={"file": str(self._pair.certificate)})

    def _choose(self, connection: Any, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._current

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC)


def towards(ca_file: Path | str, pair: Pair | None = None) -> ssl.SSLContext:
    """A context for calling a server: its certificate is checked, by this authority or else (empty) the system's.

    Raises:
        WrongSetting: a file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
        if pair is not None:
            context.load_cert_chain(pair.certificate, pair.key, password=_no_passphrase(pair.key))
    except (OSError, ssl.SSLError) as error:
        raise WrongSetting(f"{ca_file or (pair and pair.certificate)} cannot be used for TLS: {error}") from None
    context.minimum_version = _OLDEST
    return context


def _no_passphrase(key: Path) -> Callable[[], str]:
    def refuse() -> str:
        # Without this OpenSSL would ask for it on the terminal.
        raise WrongSetting(f"{key} is encrypted: give a key without a passphrase")

    return refuse


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WrongSetting(f"{path} cannot be read: {error.strerror}") from None
