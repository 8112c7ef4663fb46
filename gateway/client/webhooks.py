"""Webhooks as they arrive: verified by Standard Webhooks 1.0.0, then read. Pure but for the clock."""

from collections.abc import Mapping, Sequence

import msgspec

from gateway.client.errors import WrongWebhook
from gateway.client.objects import Status
from infra import signing
from infra.clock import Clock, SystemClock
from infra.signing import TOLERANCE_S


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """The job or the batch of which a webhook tells; the answers themselves are to be fetched."""

    id: str
    status: Status
    model: str = ""
    conversation: str | None = None
    metadata: dict[str, str] = {}
    urls: dict[str, str] = {}


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook that is ours. `webhook_id` is the same whenever it comes again: do your part once for each."""

    webhook_id: str
    type: str
    timestamp: str = ""
    created_at: int = 0
    data: Ended


def verify(
    body: bytes | str,
    headers: Mapping[str, str],
    secret: str | Sequence[str],
    tolerance_s: float = TOLERANCE_S,
    *,
    clock: Clock | None = None,
) -> Webhook:
    """The webhook, if one of the secrets has signed these very bytes lately.

    Give the body as it came, before anything has read it as JSON; and both secrets while one replaces the other.

    Raises:
        WrongWebhook: it is not signed by any of them, or not within `tolerance_s` of now, or says nothing of a job.
        WrongSetting: a secret is none.
    """
    raw = body.encode() if isinstance(body, str) else body
    secrets = (secret,) if isinstance(secret, str) else tuple(secret)
    now_s = (clock or SystemClock()).now_ms() / 1000
    reason = signing.refusal(secrets, headers, raw, now_s=now_s, tolerance_s=tolerance_s)
    if reason is not None:
        raise WrongWebhook(reason)
    webhook_id = next(value for name, value in headers.items() if name.lower() == "webhook-id")
    try:
        return msgspec.convert({**msgspec.json.decode(raw, type=dict), "webhook_id": webhook_id}, Webhook)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WrongWebhook(f"it is signed, and tells of no job: {error}") from None
