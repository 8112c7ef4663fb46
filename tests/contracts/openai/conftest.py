"""A gateway whose prompts are answered, for the unmodified `openai` SDK."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from infra.settings import KafkaSettings, RedisSettings
from producers.events import AnswerFailed, JobError
from producers.jobs.live import Piece
from tests.support.builders import a_completed
from tests.support.gateway import PlayedWorker, RunningGateway, a_gateway, a_played_worker


@pytest.fixture
async def gateway(log_settings: KafkaSettings, redis_settings: RedisSettings) -> AsyncIterator[RunningGateway]:
    """Every prompt is answered with its own last words; one that says "fail" fails."""
    async with a_gateway(log_settings, redis_settings) as running, a_played_worker(running) as worker:
        answering = asyncio.create_task(_answer_all(worker))
        yield running
        answering.cancel()
        with suppress(asyncio.CancelledError):
            await answering


async def _answer_all(worker: PlayedWorker) -> None:
    while True:
        try:
            prompt, lease = await worker.claim()
        except TimeoutError:
            continue
        words = prompt.messages[-1].content
        if words == "fail":
            error = JobError("the model server is gone")
            await worker.end(lease, AnswerFailed(job_id=prompt.job_id, prompt=prompt, error=error))
            continue
        for word in words.split(" "):
            await worker.leases.show(lease, [Piece(word)])
        await worker.end(lease, a_completed(prompt, words.replace(" ", "")))
