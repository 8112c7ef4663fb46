"""The client and a real gateway: every call, and what it gives."""

import json
from collections.abc import AsyncIterator

import pytest

from gateway.client import AsyncHeadrace, ClientSettings, Conflict, NotFound, Overloaded, WrongKey, WrongRequest
from tests.support.gateway import MODEL, PlayedWorker, RunningGateway


@pytest.fixture
async def headrace(gateway: RunningGateway) -> AsyncIterator[AsyncHeadrace]:
    settings = ClientSettings(url=gateway.url, api_key=gateway.key.api_key)
    async with AsyncHeadrace(settings=settings, retry=False) as client:
        yield client


async def test_a_job_from_its_submit_to_what_is_thought_of_it(headrace: AsyncHeadrace, worker: PlayedWorker) -> None:
    job = await headrace.jobs.submit("Why?", metadata={"a": "b"}, idempotency_key='a "key"')
    same = await headrace.jobs.submit("Why?", metadata={"a": "b"}, idempotency_key='a "key"')
    await worker.answer("Bl", "ue.")

    done = await headrace.jobs.wait(job.id, timeout_s=20)
    thumb = await headrace.jobs.feedback(job.id, "thumb", "up", tags=["short"], author="ann")
    timeline = await headrace.jobs.timeline(job.id)

    assert same.id == job.id
    assert (done.text, done.model, done.metadata, done.ended) == ("Blue.", MODEL, {"a": "b"}, True)
    assert [each.text async for each in headrace.jobs.stream(job.id)] == ["Bl", "ue."]
    assert (await headrace.jobs.get(job.id)) == done
    assert (thumb.job_id, thumb.value, thumb.tags) == (job.id, "up", ("short",))
    assert [each.step for each in timeline.steps][-1] == "visible"
    assert (await headrace.jobs.models())[0].id == MODEL
    assert (await headrace.jobs.list(status="completed", metadata={"a": "b"}, created_after=0)).data == (done,)
    assert (await headrace.jobs.list(lane="batch", limit=5, order="asc")).data == ()


async def test_a_job_that_waits_is_cancelled_and_cannot_be_judged(headrace: AsyncHeadrace) -> None:
    job = await headrace.jobs.submit("Why?")

    cancelled = await headrace.jobs.cancel(job.id)

    assert (cancelled.status, cancelled.text) == ("aborted", None)
    assert (await headrace.jobs.cancel(job.id)).status == "aborted"
    with pytest.raises(Conflict):
        await headrace.jobs.feedback(job.id, "score", 0.5)


async def test_a_conversation_from_its_title_to_its_end(headrace: AsyncHeadrace, worker: PlayedWorker) -> None:
    talk = await headrace.conversations.create("Rivers", metadata={"a": "b"})
    other = await headrace.conversations.create()
    job = await headrace.jobs.submit("Why?", conversation=talk.id)
    await worker.answer("Because.")
    await headrace.jobs.wait(job.id, timeout_s=20)

    renamed = await headrace.conversations.update(talk.id, title="Seas")
    page = await headrace.conversations.list(limit=1)
    rest = await headrace.conversations.list(limit=5, after=page.last_id)
    items = await headrace.conversations.items(talk.id)
    await headrace.conversations.delete(talk.id)

    assert (renamed.title, renamed.metadata) == ("Seas", {"a": "b"})
    assert (page.has_more, rest.has_more) == (True, False)
    assert {each.id for each in (*page.data, *rest.data)} == {talk.id, other.id}
    assert [(each.role, each.text) for each in items.data] == [("user", "Why?"), ("assistant", "Because.")]
    with pytest.raises(NotFound):
        await headrace.conversations.get(talk.id)


async def test_items_are_put_into_a_conversation_and_all_of_it_is_taken_out(
    headrace: AsyncHeadrace,
) -> None:
    talk = await headrace.conversations.create("Rivers", items=[{"role": "system", "content": "Be brief."}])
    added = await headrace.conversations.add(talk.id, [{"role": "user", "content": text} for text in ("Rhine", "Po")])
    await headrace.conversations.delete_item(talk.id, added.data[1].id)
    one = await headrace.conversations.item(talk.id, added.data[0].id)
    lines = [json.loads(line) async for line in headrace.conversations.export(talk.id)]
    with pytest.raises(NotFound):
        [line async for line in headrace.conversations.export("conv_nobody")]

    assert (one.text, one.job) == ("Rhine", None)
    assert [each.get("title") or each["content"][0]["text"] for each in lines] == ["Rivers", "Be brief.", "Rhine"]


async def test_what_is_refused_says_why(gateway: RunningGateway, headrace: AsyncHeadrace) -> None:
    with pytest.raises(WrongRequest) as wrong:
        await headrace.jobs.submit("Why?", temperature=9.0)
    with pytest.raises(NotFound):
        await headrace.jobs.get("../models")
    with pytest.raises(Overloaded, match="reports"):
        await headrace.reports.list()
    async with AsyncHeadrace(gateway.url, "sk-nonsense") as stranger:
        with pytest.raises(WrongKey):
            await stranger.jobs.models()

    assert (wrong.value.param, wrong.value.request_id[:4]) == ("temperature", "req_")
