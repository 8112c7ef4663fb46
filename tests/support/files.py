"""Files and batches for tests: uploads, inputs of batches, and gateways that have a store."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from gateway.batches.filling import Desks
from gateway.batches.settings import BatchSettings
from gateway.embeddings.settings import EMBEDDING_MODEL, EmbeddingsSettings
from gateway.files.settings import FilesSettings
from gateway.keys import CLOCK, SCRIPTS
from gateway.prompts.job_desk import JOB_DESK
from gateway.prompts.submission import SUBMISSIONS
from producers.events import AnswerFailed, JobError
from tests.support.builders import a_completed
from tests.support.eventually import eventually
from tests.support.gateway import MODEL, Answer, PlayedWorker, RunningGateway

CHAT = "/v1/chat/completions"


def a_line(custom_id: str, text: str = "Why?", **changes: Any) -> dict[str, Any]:
    """One line of a batch's input."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": text}]}
    return {"custom_id": custom_id, "method": "POST", "url": CHAT, "body": body} | changes


def a_line_of_texts(custom_id: str, texts: Any, **changes: Any) -> dict[str, Any]:
    """One line of the input of a batch of embeddings."""
    body = {"model": EMBEDDING_MODEL, "input": texts} | changes
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/embeddings", "body": body}


def jsonl(lines: Sequence[Any]) -> bytes:
    """Objects, one a line."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in lines)


def desks_of(gateway: RunningGateway) -> Desks:
    """Where that gateway's batches hand their lines in."""
    app = gateway.app
    return Desks(app[SUBMISSIONS], app[JOB_DESK], app[SCRIPTS], app[CLOCK])


async def upload(
    gateway: RunningGateway, content: Any, name: str = "input.jsonl", *, once: str | None = None, **fields: str
) -> Answer:
    """POST /v1/files, under the Idempotency-Key `once` if one is given."""
    form = aiohttp.FormData()
    for field, value in ({"purpose": "batch"} | fields).items():
        form.add_field(field, value)
    form.add_field("file", content, filename=name)
    headers = {"Idempotency-Key": once} if once is not None else {}
    async with gateway.http.post(f"{gateway.url}/v1/files", data=form, headers=headers) as response:
        return await Answer.of(response)


async def submit(gateway: RunningGateway, lines: Sequence[Any], **fields: Any) -> str:
    """Upload an input and submit a batch of it; the batch's id."""
    file = await upload(gateway, jsonl(lines))
    asked = {"input_file_id": file.json["id"], "endpoint": CHAT, "completion_window": "24h"} | fields
    made = await gateway.post("/v1/batches", asked)
    assert made.status == 200, made.json
    return str(made.json["id"])


async def show(gateway: RunningGateway, batch_id: str) -> Any:
    """GET /v1/batches/{id}."""
    return (await gateway.get(f"/v1/batches/{batch_id}")).json


async def told(gateway: RunningGateway, file_id: str | None) -> dict[str, Any]:
    """The lines of an output or an error file, by custom id."""
    if file_id is None:
        return {}
    content = (await gateway.get(f"/v1/files/{file_id}/content")).content
    lines = [json.loads(each) for each in content.splitlines()]
    by_id = {each["custom_id"]: each for each in lines}
    assert len(by_id) == len(lines), "a line is told twice"
    return by_id


def with_store(folder: Path, **batches: Any) -> dict[str, Any]:
    """The parts of a gateway that has a store in a folder, and looks after its batches often."""
    chosen = BatchSettings(**({"look_every_s": 0.02} | batches))
    return {"files": FilesSettings(dir=str(folder)), "batches": chosen}


def with_embeddings(folder: Path, url: str, **batches: Any) -> dict[str, Any]:
    """The same parts, and an embedding server."""
    return with_store(folder, **batches) | {"embeddings": EmbeddingsSettings(url=url)}


@asynccontextmanager
async def answering(worker: PlayedWorker) -> AsyncIterator[None]:
    """Every prompt is answered with its own words; one that says "fail" fails."""
    task = asyncio.create_task(_answer_all(worker))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _answer_all(worker: PlayedWorker) -> None:
    while True:
        with suppress(TimeoutError):
            prompt, lease = await worker.claim()
            words = prompt.messages[-1].content
            error = JobError("the model server is gone")
            failed = AnswerFailed(job_id=prompt.job_id, prompt=prompt, error=error)
            await worker.end(lease, failed if words == "fail" else a_completed(prompt, words))


async def comes_to(gateway: RunningGateway, batch_id: str, status: str, within_s: float = 45.0) -> Any:
    """The batch once it has that status."""

    async def has_it() -> bool:
        return bool((await show(gateway, batch_id))["status"] == status)

    await eventually(has_it, within_s=within_s, what=f"a batch that is {status}")
    return await show(gateway, batch_id)
