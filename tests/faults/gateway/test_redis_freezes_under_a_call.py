"""Redis freezes for longer than a reader's lease, and no call that is still read is given up for it."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from gateway.keys import PUBLISHER
from gateway.readers.leases import RENEW_EVERY_S
from infra.errors import Unavailable
from infra.telemetry.metrics import Metrics
from producers.access.keys import DEFAULT_LIMITS
from producers.events import AnswerCompleted
from producers.jobs import record
from producers.jobs.endings import Endings
from producers.jobs.intake import Intake
from producers.jobs.lease import Lease
from producers.state.retention import Retention
from stream_workers.fanout.reaper import Patience, Reaper
from tests.integration.views.conftest import House, a_house, following
from tests.support.builders import CLOCK, a_completed, a_prompt
from tests.support.eventually import eventually
from tests.support.freezing import frozen
from tests.support.gateway import MODEL, PlayedWorker, a_gateway, a_played_worker
from tests.support.stack import RunningKafka, RunningRedis, a_prefix

BODY: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Why?"}], "cache": "bypass"}
TIMEOUT_S = 0.5
LEASE_S = 3.0
UNTOLD = "nobody could be told of readers"


@pytest.mark.timeout(120)
async def test_a_synchronous_call_outlives_a_redis_that_was_away_for_longer_than_its_lease(
    kafka: RunningKafka, own_redis: RunningRedis, caplog: pytest.LogCaptureFixture
) -> None:
    log, settings = kafka.settings(a_prefix()), replace(own_redis.settings(a_prefix()), timeout_s=TIMEOUT_S)
    async with (
        a_house(log, settings) as house,
        following(house.state_view()) as view,
        a_gateway(log, settings, reader_grace_s=LEASE_S - RENEW_EVERY_S) as gateway,
        a_played_worker(gateway) as worker,
    ):
        endings = Endings(gateway.app[PUBLISHER], worker.settling, Metrics())
        intake, patience = Intake(house.scripts, Retention()), Patience(every_s=0.05, renewing_ms=7_000)
        reaping = asyncio.create_task(Reaper(house.scripts, intake, endings, CLOCK, Metrics(), patience).run(view))
        await intake.accept(unread := a_prompt(), DEFAULT_LIMITS, 1)
        await eventually(lambda: is_given_up(house, unread.job_id), what="a reaper that gives up what nobody reads")
        asking = asyncio.create_task(gateway.post("/v1/chat/completions", BODY))
        prompt, lease = await worker.claim()
        # A worker may claim what the gateway has not yet noted as acknowledged: then the freeze would end the call.
        await eventually(lambda: is_acknowledged(house, prompt.job_id), what="a call that waits for its answer")
        with frozen(own_redis.pid):
            with pytest.raises(Unavailable):  # with this its connection goes, so that no renewal awaits the thaw on it
                await gateway.scripts.ask("PING")
            await asyncio.sleep(LEASE_S)  # the freeze itself, no wait for luck
            failed = caplog.text.count(UNTOLD)
            # So the reaper comes back at once, and the gateway after a pause of its own.
            await eventually(lambda: caplog.text.count(UNTOLD) > failed, what="a renewal that fails after the lease")
        await eventually(lambda: is_read_or_given_up(house, prompt.job_id), what="the reader told of again")
        answered = await answers(worker, lease, a_completed(prompt, "Because."))
        answer = await asking
        reaping.cancel()
        await asyncio.wait([reaping])

    assert answered
    assert answer.status == 200


async def is_given_up(house: House, job_id: str) -> bool:
    return await house.status(job_id) == "aborted"


async def is_acknowledged(house: House, job_id: str) -> bool:
    job = await record.read(house.scripts, job_id)
    return job is not None and "acknowledged" in job.times


async def is_read_or_given_up(house: House, job_id: str) -> bool:
    """Whether the job's lease goes on, or there is none any more."""
    scripts = house.scripts
    with suppress(Unavailable):
        until_ms = await scripts.ask("ZSCORE", f"{scripts.prefix}readers", job_id)
        seconds, micros = await scripts.ask("TIME")
        return until_ms is None or float(until_ms) > int(seconds) * 1000 + int(micros) / 1000
    return False


async def answers(worker: PlayedWorker, lease: Lease, ending: AnswerCompleted) -> bool:
    """End the job; whether it was still wanted."""
    wanted = await worker.leases.renew([lease]) == ["kept"]
    await worker.end(lease, ending)
    return wanted
