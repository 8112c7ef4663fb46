"""What the gateway answers is what its document says: schemathesis asks it all there is, rightly and wrongly."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.files.settings import FilesSettings
from infra.settings import KafkaSettings, RedisSettings
from producers.jobs.lease import Lease
from producers.jobs.live import Piece
from tests.support.builders import a_completed
from tests.support.files import a_line, jsonl, upload
from tests.support.gateway import MODEL, SEAL, PlayedWorker, RunningGateway, a_gateway, a_played_worker
from tests.support.schemathesis import Exam, examine

WITHOUT_END = {"requests_per_minute": 10_000_000, "jobs_in_flight": 1_000_000}
SCOPES = ("jobs", "read", "admin")


@pytest.fixture
async def gateway(
    log_settings: KafkaSettings, redis_settings: RedisSettings, tmp_path: Path
) -> AsyncIterator[RunningGateway]:
    """Every prompt is answered at once; its client's key may do everything."""
    parts = {"files": FilesSettings(dir=str(tmp_path / "files")), "seal": SEAL}
    async with (
        a_gateway(
            log_settings, redis_settings, parts=parts, failed_sign_ins_per_minute=1_000_000, chat_timeout_s=8.0
        ) as running,
        a_played_worker(running) as worker,
    ):
        running.key = await running.issue(running.tenant, {"scopes": SCOPES}, **WITHOUT_END)
        running.http.headers["Authorization"] = f"Bearer {running.key.api_key}"
        answering = asyncio.create_task(answer_all(worker))
        yield running
        answering.cancel()
        with suppress(asyncio.CancelledError):
            await answering


async def answer_all(worker: PlayedWorker) -> None:
    while True:
        with suppress(TimeoutError, AssertionError):  # a job may be cancelled under our hands
            prompt, place = await worker.next_prompt()
            lease = await worker.leases.claim(prompt, place)
            if isinstance(lease, Lease):
                await worker.leases.show(lease, [Piece("Because")])
                await worker.end(lease, a_completed(prompt, "Because it is."))


async def what_is_there(gateway: RunningGateway) -> dict[str, list[str]]:
    """Ids of things that there are: a job that has ended, a conversation with a turn, a file, a batch, a key."""
    ask = {"model": MODEL, "messages": [{"role": "user", "content": "Why?"}]}
    conversations = [(await gateway.post("/v1/conversations", {"title": "A"})).json["id"] for _ in range(4)]
    ended = (await gateway.post("/v1/jobs", ask | {"conversation": conversations[0]}, Prefer="wait=60")).json
    response = {"model": MODEL, "input": "Why?"}
    responses = [
        (await gateway.post("/v1/responses", response | more)).json["id"] for more in ({}, {"background": True})
    ]
    items = (await gateway.get(f"/v1/conversations/{conversations[0]}/items")).json["data"]
    files = [(await upload(gateway, jsonl([a_line("1")]))).json["id"] for _ in range(3)]
    batch = {"input_file_id": files[0], "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    batches = [(await gateway.post("/v1/batches", batch)).json["id"] for _ in range(2)]
    key = (await gateway.post("/v1/admin/keys", {"tenant": "nobody-else", "name": "A"})).json
    return {
        "job_id": [ended["id"]],
        "completion_id": [ended["result"]["id"]],
        "response_id": responses,
        "conversation_id": conversations,
        "item_id": [each["id"] for each in items],
        "file_id": files,
        "batch_id": batches,
        "model": [MODEL],
        "key_id": [key["id"]],
        "tenant": ["nobody-else"],
        "path": ["ground/api.js", "ground/ground.css"],
    }


@pytest.mark.timeout(300)
async def test_every_answer_is_as_the_document_says(gateway: RunningGateway, tmp_path: Path) -> None:
    known = await what_is_there(gateway)

    code, said = await examine(gateway, known, Exam(max_examples=4, phases="examples,fuzzing"), tmp_path)

    assert code == 0, said
