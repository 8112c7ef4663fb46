"""What a webhook tells: thin, and the same bytes whenever it is made again from the log."""

from datetime import UTC, datetime

import msgspec

from infra.ids import derived_id
from producers.events import Terminal, status_of


def type_of(ending: Terminal) -> str:
    """The type of the webhook that tells of an ending: `job.completed` and its like."""
    return f"job.{status_of(ending)}"


def id_of(job_id: str, url: str, kind: str) -> str:
    """The `webhook-id`: one for all attempts of a delivery, also when its schedule was rebuilt from the log."""
    return derived_id("msg", f"{job_id}\n{url}\n{kind}")


def body(ending: Terminal, published_ms: float, public_url: str = "") -> bytes:
    """The body, in the shape of Standard Webhooks with the fields of OpenAI's events beside.

    `published_ms` is the log's time of the ending. The answer itself is not in it: the receiver fetches it.
    """
    kind, prompt = type_of(ending), ending.prompt
    at = datetime.fromtimestamp(published_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    itself = f"{public_url.rstrip('/')}/v1/jobs/{ending.job_id}"
    return msgspec.json.encode(
        {
            "id": derived_id("evt", f"{ending.job_id}\n{kind}"),
            "object": "event",
            "type": kind,
            "timestamp": at,
            "created_at": int(published_ms / 1000),
            "data": {
                "id": ending.job_id,
                "object": "job",
                "status": status_of(ending),
                "model": prompt.model,
                "conversation": prompt.conversation,
                "metadata": prompt.metadata,
                "urls": {"self": itself, "events": f"{itself}/events", "timeline": f"{itself}/timeline"},
            },
        }
    )
