"""Secrets at rest: encrypted under HEADRACE_SECRET_KEY with Fernet (AES-128-CBC and HMAC-SHA256, authenticated)."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from infra.errors import WrongSetting
from infra.settings import SHORTEST_KEY


class Seal:
    """Seals and unseals texts under one key.

    Raises:
        WrongSetting: the key is missing or too short.
    """

    def __init__(self, secret_key: str) -> None:
        if len(secret_key) < SHORTEST_KEY:
            raise WrongSetting(f"HEADRACE_SECRET_KEY must have at least {SHORTEST_KEY} characters")
        self._secret_key = secret_key.encode()
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(secret_key.encode()).digest()))

    def seal(self, text: str) -> str:
        """The text, encrypted."""
        return self._fernet.encrypt(text.encode()).decode()

    def derive(self, what: str) -> bytes:
        """32 bytes that nobody guesses who has not the key, the same each time for the same `what` (HKDF, RFC 5869)."""
        return HKDF(hashes.SHA256(), length=32, salt=None, info=what.encode()).derive(self._secret_key)

    def unseal(self, sealed: str) -> str:
        """The text again.

        Raises:
            WrongSetting: it was sealed under another key.
        """
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise WrongSetting("a secret was sealed under another HEADRACE_SECRET_KEY") from None
