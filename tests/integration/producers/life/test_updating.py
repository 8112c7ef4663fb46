"""Metadata that was changed later is the job's, in whatever order the log tells of it; and what is stored is listed."""

from itertools import permutations

import pytest

from producers.events import CompletionUpdated, ResponseDeleted
from producers.jobs import listing, record
from producers.jobs.listing import Wanted
from producers.log.places import Place
from producers.state.positions import Move
from producers.state.retention import Retention
from tests.support.builders import CLOCK, a_completed, a_prompt
from tests.support.life import House
from tests.support.views import applied


async def stored(house: House, **metadata: str) -> list[str]:
    found = await listing.jobs_of(house.scripts, Wanted("acme", metadata=metadata, stored=True), 9)
    assert found is not None
    return [each.job_id for each in found.jobs]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_the_view_makes_the_list_and_the_metadata_from_the_log(house: House, order: tuple[int, ...]) -> None:
    prompt = a_prompt(tenant="acme", store=True, metadata={"colour": "red"})
    updated = CompletionUpdated(job_id=prompt.job_id, tenant="acme", metadata={"colour": "blue"})
    told = (("prompts.standard", prompt), ("answers", a_completed(prompt)), ("conversations", updated))
    unlisted = a_prompt(tenant="acme")
    await applied(house.scripts, unlisted, Move(Place("prompts.batch", 0, 0), 0, 1, CLOCK.now_ms()))
    for each in order:
        topic, event = told[each]
        await applied(house.scripts, event, Move(Place(topic, 0, 0), 0, 1, CLOCK.now_ms()))
    read = await record.read(house.scripts, prompt.job_id)

    assert read is not None
    assert (read.status, read.prompt.metadata) == ("completed", {"colour": "blue"})
    assert await stored(house, colour="blue") == await stored(house) == [prompt.job_id]
    assert await stored(house, colour="red") == []


async def test_of_two_updates_the_later_record_counts_whoever_is_slow_to_show_his(house: House) -> None:
    prompt = a_prompt(tenant="acme", store=True)
    first, second = (
        CompletionUpdated(job_id=prompt.job_id, tenant="acme", metadata={"by": by}) for by in ("first", "second")
    )
    await applied(house.scripts, a_completed(prompt), Move(Place("answers", 0, 0), 0, 1, CLOCK.now_ms()))
    for at, event in enumerate((first, second)):
        await applied(house.scripts, event, Move(Place("conversations", 0, at), at, 2, CLOCK.now_ms()))
    await record.update(house.scripts, first, 0, Retention())

    assert await stored(house, by="second") == [prompt.job_id]


async def test_nothing_of_its_metadata_is_kept_of_what_was_forgotten(house: House) -> None:
    prompt = a_prompt(tenant="acme", store=True, metadata={"name": "Ann"})
    updated = CompletionUpdated(job_id=prompt.job_id, tenant="acme", metadata={"name": "Zoe"})
    deleted = ResponseDeleted(job_id=prompt.job_id, tenant="acme")
    await applied(house.scripts, deleted, Move(Place("conversations", 0, 0), 0, 2, CLOCK.now_ms()))
    await applied(house.scripts, a_completed(prompt), Move(Place("answers", 0, 0), 0, 1, CLOCK.now_ms()))
    await applied(house.scripts, updated, Move(Place("conversations", 0, 1), 1, 2, CLOCK.now_ms()))
    kept = await house.scripts.redis.hgetall(f"{house.scripts.prefix}job:{prompt.job_id}")

    assert [value for value in kept.values() if b"Ann" in value or b"Zoe" in value] == []
    assert await stored(house) == []
