"""One job through refusals, lost connections and a gateway that restarts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.client.jobs import Jobs, Refused, connected
from gateway.client.many import Outcome, submit_all
from gateway.client.prompts import Asked, BadLine
from gateway.client.settings import ClientSettings
from infra.clock import SystemClock
from infra.errors import Unavailable
from tests.support.unruly_gateway import UnrulyGateway, hangs_up, job, refuses, says, served, streams

BODY = {"model": "tiny", "input": "Why?"}
EVENTS = "/v1/jobs/job_1/events"


@asynccontextmanager
async def against(gateway: UnrulyGateway, patience_s: float = 20.0) -> AsyncIterator[Jobs]:
    async with served(gateway):
        settings = ClientSettings(url=gateway.url, api_key="sk-headrace-x", reach_s=patience_s, patience_s=patience_s)
        async with connected(settings, SystemClock(), connections=8) as jobs:
            yield jobs


async def test_a_submit_that_is_tried_again_bears_the_same_key_so_that_it_makes_one_job() -> None:
    gateway = UnrulyGateway(
        submits=[hangs_up, refuses(503, Retry_After="0"), refuses(429, Retry_After="0"), says(202, job("queued"))]
    )

    async with against(gateway) as jobs:
        found = await jobs.submit(BODY)

    assert found["id"] == "job_1"
    keys = [headers["Idempotency-Key"] for headers in gateway.headers_of("/v1/jobs")]
    assert len(keys) == 4
    assert len(set(keys)) == 1
    assert gateway.bodies() == [BODY] * 4
    assert gateway.headers_of("/v1/jobs")[0]["Authorization"] == "Bearer sk-headrace-x"


async def test_two_submits_bear_two_keys() -> None:
    gateway = UnrulyGateway()

    async with against(gateway) as jobs:
        await jobs.submit(BODY)
        await jobs.submit(BODY)

    assert len({headers["Idempotency-Key"] for headers in gateway.headers_of("/v1/jobs")}) == 2


@pytest.mark.parametrize(
    ("status", "header"), [(400, {}), (401, {}), (404, {}), (422, {}), (429, {"x_should_retry": "false"})]
)
async def test_what_would_be_refused_again_is_not_tried_again(status: int, header: dict[str, str]) -> None:
    gateway = UnrulyGateway(submits=[refuses(status, "max_tokens must be positive", **header)])

    async with against(gateway) as jobs:
        with pytest.raises(Refused, match=f"max_tokens must be positive \\({status}\\)"):
            await jobs.submit(BODY)

    assert len(gateway.heard) == 1


async def test_a_gateway_that_does_not_come_back_is_given_up() -> None:
    async with against(UnrulyGateway(submits=[hangs_up]), patience_s=0.1) as jobs:
        with pytest.raises(Unavailable, match="cannot be reached"):
            await jobs.submit(BODY)


async def test_a_cut_stream_is_taken_up_where_it_was() -> None:
    gateway = UnrulyGateway(
        events=[
            streams((1, "token", {"text": "Bl"}), (2, "token", {"text": "ue"}), cut=True),
            refuses(503, Retry_After="0"),
            streams((3, "token", {"text": "."}), (4, "done", job())),
        ]
    )

    async with against(gateway) as jobs:
        events = [(each.id, each.event) async for each in jobs.follow("job_1")]

    assert events == [("1", "token"), ("2", "token"), ("3", "token"), ("4", "done")]
    assert [headers.get("Last-Event-ID") for headers in gateway.headers_of(EVENTS)] == [None, "2", "2"]


async def test_a_stream_that_ends_without_its_last_event_is_no_end() -> None:
    gateway = UnrulyGateway(events=[streams((1, "token", {"text": "Bl"})), streams((2, "done", job()))])

    async with against(gateway) as jobs:
        assert (await jobs.wait("job_1"))["status"] == "completed"


async def test_a_stream_with_nothing_left_to_tell_ends_with_the_job() -> None:
    gateway = UnrulyGateway(events=[says(204, None)], reads=[says(200, job(text="Red."))])

    async with against(gateway) as jobs:
        found = await jobs.wait("job_1")

    assert found["result"]["choices"][0]["message"]["content"] == "Red."


async def test_many_prompts_are_told_one_by_one_and_a_bad_one_stops_no_other() -> None:
    gateway = UnrulyGateway(submits=[refuses(400, "too long"), says(202, job("queued"))])
    told: list[Outcome] = []

    async with against(gateway) as jobs:
        await submit_all(
            jobs,
            [BadLine(1, "is no JSON"), Asked(2, BODY), Asked(3, BODY), Asked(4, BODY)],
            told.append,
            at_once=2,
            wait=True,
        )

    by_line = {each.line: each.failure for each in told}
    assert sorted(by_line) == [1, 2, 3, 4]
    assert by_line[1] == "is no JSON"
    assert sum("too long (400)" in each for each in by_line.values()) == 1
    assert list(by_line.values()).count("") == 2


async def test_no_more_prompts_are_in_the_air_than_was_said() -> None:
    gateway = UnrulyGateway()
    told: list[Outcome] = []

    async with against(gateway) as jobs:
        await submit_all(jobs, [Asked(each, BODY) for each in range(1, 40)], told.append, at_once=4, wait=False)

    assert len(told) == len({headers["Idempotency-Key"] for headers in gateway.headers_of("/v1/jobs")}) == 39


async def test_many_prompts_end_with_the_gateway() -> None:
    gateway = UnrulyGateway(submits=[says(202, job("queued")), hangs_up])
    told: list[Outcome] = []

    async with against(gateway, patience_s=0.1) as jobs:
        with pytest.raises(Unavailable, match="cannot be reached"):
            await submit_all(jobs, [Asked(each, BODY) for each in range(1, 9)], told.append, at_once=2, wait=False)

    assert len(told) == 1
