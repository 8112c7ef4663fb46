"""A tenant's jobs in pages, filtered, also after Redis lost them; and what is no longer kept."""

from typing import Any
from urllib.parse import urlencode

import pytest

from gateway.keys import RETENTION
from infra.clock import ManualClock
from infra.ids import new_id
from producers.events import AnswerCancelled
from producers.jobs import listing
from producers.jobs.listing import Wanted
from producers.log.places import Place
from producers.log.topics import prompts
from producers.state import walking
from producers.state.positions import Move
from tests.support.builders import CLOCK, a_completed, a_prompt
from tests.support.gateway import MODEL, PlayedWorker, RunningGateway
from tests.support.views import applied, read_by_the_view

JOBS = "/v1/jobs"
PROMPT: dict[str, Any] = {"model": MODEL, "input": "Why is the sky blue?", "cache": "bypass"}


async def submitted(gateway: RunningGateway, many: int, **fields: Any) -> list[str]:
    return [(await gateway.post(JOBS, PROMPT | fields)).json["id"] for _ in range(many)]


async def listed(gateway: RunningGateway, query: str = "", **headers: str) -> list[str]:
    answer = await gateway.get(f"{JOBS}?{query}", **headers)
    assert answer.status == 200, answer.json
    return [each["id"] for each in answer.json["data"]]


async def test_jobs_are_listed_newest_first_page_by_page(gateway: RunningGateway) -> None:
    ids = await submitted(gateway, 7)
    pages, after = [], ""
    while True:
        page = (await gateway.get(f"{JOBS}?limit=3{after}")).json
        pages.append([each["id"] for each in page["data"]])
        assert (page["first_id"], page["last_id"]) == (pages[-1][0], pages[-1][-1])
        if not page["has_more"]:
            break
        after = f"&after={page['last_id']}"
    alone = await gateway.get(f"{JOBS}/{ids[0]}")

    assert pages == [ids[:3:-1], ids[3:0:-1], ids[:1]]
    assert await listed(gateway, f"order=asc&after={ids[4]}") == ids[5:]
    assert page["data"][-1] == alone.json
    assert alone.json["queue"]["position"] == 1


async def test_jobs_are_filtered_by_all_that_is_asked(gateway: RunningGateway, worker: PlayedWorker) -> None:
    (queued,) = await submitted(gateway, 1, lane="batch", metadata={"team": "a", "x": "1"})
    await worker.next_prompt()
    (running,) = await submitted(gateway, 1, model="other/model", metadata={"team": "a"})
    _, lease = await worker.claim()
    (done,) = await submitted(gateway, 1)
    await worker.answer("Because.")
    by = {
        "status=queued": [queued], "status=running": [running], "status=completed": [done], "status=failed": [],
        "lane=batch": [queued], "model=other/model": [running], "metadata[team]=a": [running, queued],
        "metadata[team]=a&metadata[x]=1": [queued], "metadata[team]=b": [], "conversation=conv_x": [],
        "lane=standard&status=completed": [done], "created_after=0": [done, running, queued],
        "created_after=99999999999": [], "created_before=2020-01-01T00:00:00Z": [],
        "created_before=99999999999&order=asc": [queued, running, done],
    }  # fmt: skip
    found = {query: await listed(gateway, query) for query in by}
    await gateway.post(f"{JOBS}/{running}/cancel", {})
    cancelling = await listed(gateway, "status=cancelling"), await listed(gateway, "status=running")
    prompt = a_prompt(job_id=running, tenant=gateway.tenant)
    await worker.end(lease, AnswerCancelled(job_id=running, prompt=prompt, ran=True))

    assert found == by
    assert cancelling == ([running], [])
    assert await listed(gateway, "status=cancelled") == [running]


async def test_metadata_of_any_characters_is_found_by_its_whole_value(gateway: RunningGateway) -> None:
    odd = 'é "\\/\n\u2028'
    (job,) = await submitted(gateway, 1, metadata={"odd": odd, 'k"': "plain"})
    asked = [{"metadata[odd]": odd}, {'metadata[k"]': "plain"}, {"metadata[odd]": odd[:-1]}, {"metadata[odd]": "plain"}]

    assert [await listed(gateway, urlencode(each)) for each in asked] == [[job], [job], [], []]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("status=done", "status"), ("lane=fast", "lane"), ("limit=0", "limit"), ("order=up", "order"),
        ("created_after=yesterday", "created_after"), ("state=queued", "state"), ("after=job_none", "after"),
    ],
)  # fmt: skip
async def test_a_list_that_cannot_be_given_is_refused(gateway: RunningGateway, query: str, param: str) -> None:
    answer = await gateway.get(f"{JOBS}?{query}")

    assert (answer.status, answer.json["error"]["param"]) == (400, param)


async def test_another_tenants_jobs_are_not_listed_and_mark_no_place(gateway: RunningGateway) -> None:
    (ours,) = await submitted(gateway, 1)
    stranger = {"Authorization": f"Bearer {(await gateway.issue('somebody-else')).api_key}"}
    after = await gateway.get(f"{JOBS}?after={ours}", **stranger)

    assert await listed(gateway, **stranger) == []
    assert (after.status, after.json["error"]["param"]) == (400, "after")


async def test_the_list_is_made_again_from_the_log_and_loses_what_has_expired(gateway: RunningGateway) -> None:
    scripts, tenant = gateway.scripts, gateway.tenant
    first, second = (a_prompt(tenant=tenant, received_ms=CLOCK.now_ms() + at) for at in (0, 1))
    move = Move(Place(prompts("standard").name, 0, 0), 0, 9, CLOCK.now_ms())
    await applied(scripts, first, move)
    ended = a_completed(second)
    await applied(scripts, ended, Move(Place("answers", 0, 0), 0, 9, CLOCK.now_ms()))
    made = await listed(gateway)
    await scripts.redis.delete(f"{scripts.prefix}job:{second.job_id}")
    kept = await listed(gateway)

    assert made == [second.job_id, first.job_id]
    assert kept == [first.job_id]
    assert await scripts.redis.zcard(f"{scripts.prefix}jobs:{tenant}") == 1


async def test_a_page_is_bounded_in_bytes_and_in_what_is_looked_at(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await submitted(gateway, 8)
    monkeypatch.setattr(walking, "MOST_BYTES", 1)
    heavy = await listing.jobs_of(gateway.scripts, Wanted(gateway.tenant), 5)
    monkeypatch.undo()
    monkeypatch.setattr(walking, "LOOKED_AT_ONCE", 2)
    monkeypatch.setattr(walking, "MOST_LOOKED", 5)
    rare = await listing.jobs_of(gateway.scripts, Wanted(gateway.tenant, status="failed"), 5)

    assert heavy is not None
    assert ([each.job_id for each in heavy.jobs], heavy.has_more, heavy.last) == ([ids[-1]], True, ids[-1])
    assert rare is not None
    assert (rare.jobs, rare.has_more, rare.last) == ((), True, ids[2])


async def test_what_a_filter_passes_over_is_counted_as_reads(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of jobs ends where there are none left; of stored chats it may not be empty, so that it is refused."""
    keys = [await gateway.issue("poor", requests_per_minute=1) for _ in range(2)]
    one, other = [{"Authorization": f"Bearer {each.api_key}"} for each in keys]
    prompts = [a_prompt(tenant="poor", received_ms=CLOCK.now_ms() + at, store=True) for at in range(40)]
    for each in prompts:
        await read_by_the_view(gateway.scripts, a_completed(each))
    monkeypatch.setattr(walking, "LOOKED_AT_ONCE", 2)
    jobs = await gateway.get(f"{JOBS}?model=none&order=asc", **one)
    chats = await gateway.get("/v1/chat/completions?model=none", **other)

    assert (jobs.status, jobs.json["data"], jobs.json["has_more"]) == (200, [], True)
    assert 19 <= [each.job_id for each in prompts].index(jobs.json["last_id"]) <= 25, (
        "ten reads of two jobs, and the time"
    )
    assert int(jobs.headers["x-ratelimit-remaining-requests"]) == 0
    assert (chats.status, chats.json["error"]["code"]) == (429, "rate_limit_exceeded")
    assert "passes over" in chats.json["error"]["message"]


async def test_a_job_older_than_anything_kept_is_gone_and_not_unknown(gateway: RunningGateway) -> None:
    age_ms = gateway.app[RETENTION].job_ms + 60_000
    old, young = (new_id("job", ManualClock(CLOCK.now_ms() - at)) for at in (age_ms, 60_000))
    told = {}
    for path in (f"{JOBS}/%s", f"{JOBS}/%s/events", f"{JOBS}/%s/timeline", "/v1/chat/completions/chatcmpl-%s"):
        for each in (old, young):
            name = each.removeprefix("job_") if "chatcmpl" in path else each
            told[path, each] = (await gateway.get(path % name)).status
    cancelled = await gateway.post(f"{JOBS}/{old}/cancel", {})

    assert {status for (_, each), status in told.items() if each == old} == {410}
    assert {status for (_, each), status in told.items() if each == young} == {404}
    assert (cancelled.status, cancelled.json["error"]["code"]) == (410, "gone")
