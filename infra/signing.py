"""Standard Webhooks 1.0.0, symmetric (`v1`): a webhook is signed, and a signature judged. Pure.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

from infra.errors import WrongSetting

PREFIX: Final = "whsec_"
TOLERANCE_S: Final = 300.0
_ID, _TIMESTAMP, _SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


def headers(secret: str, webhook_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The three headers of one attempt; `timestamp_s` is this attempt's time.

    Raises:
        WrongSetting: the secret is none.
    """
    timestamp = str(timestamp_s)
    return {_ID: webhook_id, _TIMESTAMP: timestamp, _SIGNATURE: _signature(secret, webhook_id, timestamp, body)}


def refusal(
    secrets: Sequence[str], headers: Mapping[str, str], body: bytes, *, now_s: float, tolerance_s: float = TOLERANCE_S
) -> str | None:
    """What is wrong with a webhook, or None where a signature of it holds under one of the secrets.

    Both may be several while a secret is in rotation. Signatures of other versions than `v1` are passed over.

    Raises:
        WrongSetting: a secret is none.
    """
    told = {name.lower(): value for name, value in headers.items()}
    webhook_id, timestamp = told.get(_ID, ""), told.get(_TIMESTAMP, "")
    if not webhook_id or _SIGNATURE not in told or not (timestamp.isascii() and timestamp.isdigit()):
        return "webhook-id, webhook-timestamp or webhook-signature is missing or malformed"
    expected = [_signature(each, webhook_id, timestamp, body).encode() for each in secrets]
    given = [each.encode(errors="replace") for each in told[_SIGNATURE].split(" ")]
    if not any(hmac.compare_digest(one, other) for one in expected for other in given):
        return "no signature matches"
    if len(timestamp) > 15 or abs(now_s - int(timestamp)) > tolerance_s:
        return f"the timestamp is more than {tolerance_s:g} s away"
    return None


def _signature(secret: str, webhook_id: str, timestamp: str, body: bytes) -> str:
    signed = b".".join((webhook_id.encode(errors="replace"), timestamp.encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key_of(secret), signed, "sha256")).decode()


def key_of(secret: str) -> bytes:
    """The bytes that a secret stands for.

    Raises:
        WrongSetting: the secret is none.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise WrongSetting(f"a webhook secret is `{PREFIX}` and base 64")
    return key
