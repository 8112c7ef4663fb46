"""One job through refusals, lost connections and a gateway that restarts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.client.commands.many import Outcome, submit_all
from gateway.client.commands.prompts import BadLine, Line
from gateway.client.errors import (
    Conflict,
    JobFailed,
    Limited,
    NotFound,
    Overloaded,
    Refused,
    TimedOut,
    WrongKey,
    WrongRequest,
)
from gateway.client.headrace import AsyncHeadrace
from gateway.client.jobs import AsyncJobs
from gateway.client.settings import ClientSettings
from infra.errors import OurFault, Unavailable
from tests.support.unruly_gateway import UnrulyGateway, hangs_up, job, refuses, says, served, streams

BODY = {"model": "tiny", "input": "Why?"}
EVENTS = "/v1/jobs/job_1/events"


@asynccontextmanager
async def against(gateway: UnrulyGateway, patience_s: float = 20.0) -> AsyncIterator[AsyncJobs]:
    async with served(gateway):
        settings = ClientSettings(url=gateway.url, api_key="sk-headrace-x", reach_s=patience_s, patience_s=patience_s)
        async with AsyncHeadrace(settings=settings, connections=8) as client:
            yield client.jobs


async def test_a_submit_that_is_tried_again_bears_the_same_key_so_that_it_makes_one_job() -> None:
    gateway = UnrulyGateway(
        submits=[hangs_up, refuses(503, Retry_After="0"), refuses(429, Retry_After="0"), says(202, job("queued"))]
    )

    async with against(gateway) as jobs:
        found = await jobs.submit("Why?", model="tiny")

    assert found.id == "job_1"
    keys = [headers["Idempotency-Key"] for headers in gateway.headers_of("/v1/jobs")]
    assert len(keys) == 4
    assert len(set(keys)) == 1
    assert gateway.bodies() == [BODY] * 4
    assert gateway.headers_of("/v1/jobs")[0]["Authorization"] == "Bearer sk-headrace-x"


async def test_two_submits_bear_two_keys() -> None:
    gateway = UnrulyGateway()

    async with against(gateway) as jobs:
        await jobs.submit("Why?", model="tiny")
        await jobs.submit("Why?", model="tiny")

    assert len({headers["Idempotency-Key"] for headers in gateway.headers_of("/v1/jobs")}) == 2


@pytest.mark.parametrize(
    ("status", "header"), [(400, {}), (401, {}), (404, {}), (422, {}), (429, {"x_should_retry": "false"})]
)
async def test_what_would_be_refused_again_is_not_tried_again(status: int, header: dict[str, str]) -> None:
    gateway = UnrulyGateway(submits=[refuses(status, "max_tokens must be positive", **header)])

    async with against(gateway) as jobs:
        with pytest.raises(Refused, match=f"max_tokens must be positive \\({status}\\)"):
            await jobs.submit("Why?", model="tiny")

    assert len(gateway.heard) == 1


async def test_a_gateway_that_does_not_come_back_is_given_up() -> None:
    async with against(UnrulyGateway(submits=[hangs_up]), patience_s=0.1) as jobs:
        with pytest.raises(Unavailable, match="cannot be reached"):
            await jobs.submit("Why?", model="tiny")


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
        assert (await jobs.wait("job_1")).status == "completed"


async def test_a_stream_with_nothing_left_to_tell_ends_with_the_job() -> None:
    gateway = UnrulyGateway(events=[says(204, None)], reads=[says(200, job(text="Red."))])

    async with against(gateway) as jobs:
        found = await jobs.wait("job_1")

    assert found.text == "Red."


async def test_many_prompts_are_told_one_by_one_and_a_bad_one_stops_no_other() -> None:
    gateway = UnrulyGateway(submits=[refuses(400, "too long"), says(202, job("queued"))])
    told: list[Outcome] = []

    async with against(gateway) as jobs:
        await submit_all(
            jobs,
            [BadLine(1, "is no JSON"), Line(2, BODY), Line(3, BODY), Line(4, BODY)],
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
        await submit_all(jobs, [Line(each, BODY) for each in range(1, 40)], told.append, at_once=4, wait=False)

    assert len(told) == len({headers["Idempotency-Key"] for headers in gateway.headers_of("/v1/jobs")}) == 39


async def test_many_prompts_end_with_the_gateway() -> None:
    gateway = UnrulyGateway(submits=[says(202, job("queued")), hangs_up])
    told: list[Outcome] = []

    async with against(gateway, patience_s=2.0) as jobs:
        with pytest.raises(Unavailable, match="cannot be reached"):
            await submit_all(jobs, [Line(each, BODY) for each in range(1, 9)], told.append, at_once=2, wait=False)

    assert len(told) == 1


async def test_a_refusal_says_what_the_gateway_said() -> None:
    told = {"error": {"message": "too hot", "type": "invalid_request_error", "param": "temperature", "code": "hot"}}
    gateway = UnrulyGateway(submits=[says(400, told, x_request_id="req_1")])

    async with against(gateway) as jobs:
        with pytest.raises(WrongRequest) as refused:
            await jobs.submit("Why?", model="tiny")

    error = refused.value
    assert (error.status, error.param, error.code, error.request_id) == (400, "temperature", "hot", "req_1")
    assert (error.type, error.message) == ("invalid_request_error", "too hot")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, WrongKey), (403, WrongKey), (404, NotFound), (410, NotFound), (409, Conflict), (413, WrongRequest)],
)
async def test_each_refusal_has_its_kind(status: int, kind: type[Refused]) -> None:
    async with against(UnrulyGateway(reads=[refuses(status)])) as jobs:
        with pytest.raises(kind):
            await jobs.get("job_1")


async def test_a_limit_that_lasts_longer_than_patience_is_told_at_once() -> None:
    gateway = UnrulyGateway(submits=[refuses(429, Retry_After="60")])

    async with against(gateway, patience_s=5.0) as jobs:
        with pytest.raises(Limited) as limited:
            await jobs.submit("Why?", model="tiny")

    assert limited.value.after_s == 60
    assert len(gateway.heard) == 1


async def test_what_says_that_it_should_be_tried_again_is_and_what_does_not_is_given_up_in_time() -> None:
    conflict = refuses(409, Retry_After="0", x_should_retry="true")
    async with against(UnrulyGateway(reads=[conflict, says(200, job())])) as jobs:
        assert (await jobs.get("job_1")).ended
    async with against(UnrulyGateway(reads=[refuses(503)]), patience_s=0.1) as jobs:
        with pytest.raises(Overloaded) as overloaded:
            await jobs.get("job_1")

    assert (overloaded.value.status, overloaded.value.part) == (503, "gateway")


async def test_a_gateway_that_asks_for_no_pause_at_all_is_given_one() -> None:
    gateway = UnrulyGateway(reads=[refuses(503, Retry_After="0")])
    async with against(gateway, patience_s=1.0) as jobs:
        with pytest.raises(Overloaded):
            await jobs.get("job_1")

    assert len(gateway.heard) < 8


async def test_a_silent_job_is_waited_for_however_often_a_proxy_cuts_the_silence() -> None:
    cut = streams(cut=True, after_s=0.3)
    gateway = UnrulyGateway(events=[cut, cut, cut, streams((1, "done", job()))], reads=[says(200, job("running"))])

    async with against(gateway, patience_s=0.2) as jobs:
        assert (await jobs.wait("job_1")).text == "Blue."

    assert [path for path, _, _ in gateway.heard] == [EVENTS, "/v1/jobs/job_1"] * 3 + [EVENTS]


async def test_behind_a_proxy_that_tells_the_same_and_cuts_for_ever_the_job_itself_is_asked() -> None:
    snapshot, token = (1, "snapshot", {"text": "Bl"}), (2, "token", {"text": "ue"})
    gateway = UnrulyGateway(events=[streams(snapshot, token, cut=True)], reads=[says(200, job("running"))])

    async with against(gateway, patience_s=1.0) as jobs:
        with pytest.raises(TimedOut):
            await jobs.wait("job_1", timeout_s=1.5)
        assert len(gateway.heard) < 12
        gateway.events, gateway.reads = [streams((1, "token", {"text": "Bl"}), token, cut=True)], [says(200, job())]
        assert [each.text async for each in jobs.stream("job_1")] == ["Bl", "ue", "."]


async def test_a_gateway_that_goes_while_a_silent_job_is_waited_for_is_given_up() -> None:
    async with against(UnrulyGateway(events=[streams(cut=True)], reads=[hangs_up]), patience_s=0.1) as jobs:
        with pytest.raises(Unavailable, match="cannot be reached"):
            await jobs.wait("job_1")


async def test_what_a_gateway_tells_again_is_not_doubled_and_a_snapshot_stands_for_all_before() -> None:
    gateway = UnrulyGateway(
        events=[
            streams((1, "token", {"text": "Bl"}), (2, "token", {"text": "ue"}), cut=True),
            streams((1, "token", {"text": "Bl"}), (2, "token", {"text": "ue"}), (3, "token", {"text": "."}), cut=True),
            streams(
                (2, "snapshot", {"text": "Blue. So"}), (3, "token", {"text": "!"}), (4, "done", job(text="Blue. So!"))
            ),
        ]
    )

    async with against(gateway) as jobs:
        pieces = [each async for each in jobs.stream("job_1")]

    assert [each.text for each in pieces] == ["Bl", "ue", ".", " So", "!"]
    assert pieces[-1].whole == "Blue. So!"
    assert not any(each.starts_over for each in pieces)


async def test_a_stream_goes_on_where_another_program_left_it() -> None:
    gateway = UnrulyGateway()

    async with against(gateway) as jobs:
        assert [each.id async for each in jobs.events("job_1", after="41")] == ["1"]

    assert gateway.headers_of(EVENTS)[0]["Last-Event-ID"] == "41"


async def test_a_job_that_was_published_straight_to_the_log_may_appear_late() -> None:
    gateway = UnrulyGateway(events=[refuses(404), refuses(404), streams((1, "done", job()))])

    async with against(gateway) as jobs:
        assert (await jobs.wait("job_1", appears_s=20)).text == "Blue."
        gateway.events = [refuses(404)]
        with pytest.raises(NotFound):
            await jobs.wait("job_1")


async def test_waiting_ends_in_time_and_leaves_the_job_alone() -> None:
    gateway = UnrulyGateway(events=[streams((1, "token", {"text": "Bl"}), stay_open=True)])

    async with against(gateway) as jobs:
        with pytest.raises(TimedOut) as late:
            await jobs.wait("job_1", timeout_s=0.2)

    assert late.value.job_id == "job_1"
    # On a busy machine the time may be over before the gateway has heard anything.
    assert [path for path, _, _ in gateway.heard] in ([EVENTS], [])


async def test_an_answer_that_does_not_come_is_an_error_with_its_job() -> None:
    failed = streams((1, "done", job("failed", error={"message": "the model is gone"})))

    async with against(UnrulyGateway(events=[failed])) as jobs:
        with pytest.raises(JobFailed, match="the model is gone") as answered:
            await jobs.answer("Why?")
        with pytest.raises(JobFailed):
            [piece async for piece in jobs.stream("job_1")]

    assert answered.value.job.status == "failed"


async def test_without_a_model_the_first_is_asked_for_once() -> None:
    gateway = UnrulyGateway()

    async with against(gateway) as jobs:
        await jobs.submit("Why?")
        await jobs.submit("Why?", temperature=0.5, webhook="https://example.com", metadata={"a": "b"})
        await jobs.submit("Why?", conversation="conv_1", replaces="job_1")

    assert gateway.bodies() == [
        {"model": "tiny", "input": "Why?"},
        {
            "model": "tiny",
            "input": "Why?",
            "temperature": 0.5,
            "webhook": {"url": "https://example.com"},
            "metadata": {"a": "b"},
        },
        {"model": "tiny", "input": "Why?", "conversation": "conv_1", "replaces": "job_1"},
    ]


async def test_a_model_that_is_served_no_more_is_not_asked_for_ever() -> None:
    gone = refuses(404, code="model_not_found")
    gateway = UnrulyGateway(submits=[says(202, job("queued")), gone, says(202, job("queued")), gone])

    async with against(gateway) as jobs:
        await jobs.submit("Why?")
        gateway.model = "small"
        await jobs.submit("Why?")
        with pytest.raises(NotFound):
            await jobs.submit("Why?")
        with pytest.raises(NotFound):
            await jobs.submit("Why?", model="tiny")

    asked = [each["model"] for each in gateway.bodies()]
    assert asked == ["tiny", "tiny", "small", "small", "small", "tiny"], "once more, and only where none was named"


async def test_a_closed_client_opens_no_session_again() -> None:
    async with against(UnrulyGateway()) as jobs:
        await jobs.get("job_1")
    with pytest.raises(OurFault):
        await jobs.get("job_1")
