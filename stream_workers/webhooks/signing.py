"""Signatures of webhooks: Standard Webhooks 1.0.0, symmetric (`v1`).

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac

from infra.errors import WrongSetting

PREFIX = "whsec_"


def headers(secret: str, webhook_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The three headers of one attempt; `timestamp_s` is this attempt's time.

    Raises:
        WrongSetting: the secret is none.
    """
    signed = b".".join((webhook_id.encode(), str(timestamp_s).encode(), body))
    digest = hmac.digest(_key(secret), signed, "sha256")
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not key:
        raise WrongSetting(f"a webhook secret is `{PREFIX}` and base 64")
    return key
