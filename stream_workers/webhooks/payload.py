"""What a webhook tells: thin, and the same bytes whenever it is made again from the log."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from infra.ids import derived_id
from producers.events import BatchEnded, Terminal, status_of
from producers.webhook_ids import id_of, type_of


@dataclass(frozen=True)
class Notice:
    """What is told to whom: the end of a job or a batch, which `about` names."""

    about: str
    tenant: str
    key_id: str
    url: str
    kind: str
    body: bytes

    @property
    def webhook_id(self) -> str:
        """One for all attempts of a delivery, also when its schedule was rebuilt from the log."""
        return id_of(self.about, self.url, self.kind)


def notice_of(event: Terminal | BatchEnded, published_ms: float, public_url: str = "") -> Notice | None:
    """What an ending has told, or None where nobody wants to know."""
    told = event if isinstance(event, BatchEnded) else event.prompt
    if told.webhook is None:
        return None
    written = body(event, published_ms, public_url)
    return Notice(_id(event), told.tenant, told.key_id, told.webhook.url, type_of(event), written)


def body(event: Terminal | BatchEnded, published_ms: float, public_url: str = "") -> bytes:
    """The body, in the shape of Standard Webhooks with the fields of OpenAI's events beside.

    `published_ms` is the log's time of the ending. The answer itself is not in it: the receiver fetches it.
    """
    kind = type_of(event)
    at = datetime.fromtimestamp(published_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    root = public_url.rstrip("/")
    return msgspec.json.encode(
        {
            "id": derived_id("evt", f"{_id(event)}\n{kind}"),
            "object": "event",
            "type": kind,
            "timestamp": at,
            "created_at": int(published_ms / 1000),
            "data": _of_batch(event, root) if isinstance(event, BatchEnded) else _of_job(event, root),
        }
    )


def _id(event: Terminal | BatchEnded) -> str:
    return event.batch_id if isinstance(event, BatchEnded) else event.job_id


def _of_job(ending: Terminal, root: str) -> dict[str, Any]:
    itself, prompt = f"{root}/v1/jobs/{ending.job_id}", ending.prompt
    return {
        "id": ending.job_id,
        "object": "job",
        "status": status_of(ending),
        "model": prompt.model,
        "conversation": prompt.conversation,
        "metadata": prompt.metadata,
        "urls": {"self": itself, "events": f"{itself}/events", "timeline": f"{itself}/timeline"},
    }


def _of_batch(ended: BatchEnded, root: str) -> dict[str, Any]:
    files = {"output": ended.output_file_id, "error": ended.error_file_id}
    return {
        "id": ended.batch_id,
        "object": "batch",
        "status": ended.status,
        "request_counts": {
            "total": ended.completed + ended.failed, "completed": ended.completed, "failed": ended.failed,
        },
        **{f"{name}_file_id": file_id for name, file_id in files.items()},
        "metadata": ended.metadata,
        "urls": {
            "self": f"{root}/v1/batches/{ended.batch_id}",
            **{name: f"{root}/v1/files/{file_id}/content" for name, file_id in files.items() if file_id},
        },
    }  # fmt: skip
