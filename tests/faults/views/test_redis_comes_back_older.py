"""Redis starts again from an older copy of its data: nobody trusts it before the view has read the log again."""

import asyncio
import shutil
from pathlib import Path

import pytest

from producers.events import Limits
from producers.jobs.intake import Accepted, Again, Intake, NotAccepted
from producers.jobs.lease import Lease, Leases, Parked
from producers.state.retention import Retention
from tests.integration.views.conftest import a_house, following
from tests.support.builders import a_prompt
from tests.support.stack import RunningKafka, RunningRedis, a_prefix

QUOTA = Limits(requests_per_minute=600, jobs_in_flight=60)


@pytest.mark.timeout(300)
async def test_a_redis_set_back_by_a_restart_accepts_no_key_twice_and_lends_out_nothing_too_early(
    kafka: RunningKafka, own_redis: RunningRedis, tmp_path: Path
) -> None:
    data, older = tmp_path / "redis", tmp_path / "older"
    first, second = (a_prompt(idempotency_key="k", fingerprint="f") for _ in range(2))
    async with a_house(kafka.settings(a_prefix()), own_redis.settings(a_prefix())) as house:
        intake, leases = Intake(house.scripts, Retention()), Leases(house.scripts, Retention(), "worker-1")
        async with following(house.state_view()):
            await asyncio.to_thread(shutil.copytree, data, older)
            assert isinstance(await intake.accept(first, QUOTA), Accepted)
            await house.parts.publisher.submit(first)
            await house.comes_to(first.job_id, "queued")
        own_redis.kill()
        await asyncio.to_thread(shutil.rmtree, data)
        await asyncio.to_thread(shutil.copytree, older, data)
        await own_redis.started()
        await house.scripts.redis.connection_pool.disconnect()  # this test's own are stale

        assert await intake.accept(second, QUOTA) == NotAccepted("rebuilding")
        assert await leases.claim(first, 0) == Parked("rebuilding", 0.25)
        async with following(house.state_view()):
            assert await intake.accept(second, QUOTA) == Again(first.job_id)
            assert isinstance(await leases.claim(first, 0), Lease)
