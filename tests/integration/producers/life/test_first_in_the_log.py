"""What is told twice counts once, by the first record in the log: also where Redis hears of that one last."""

from typing import Any

from producers.batches.store import Batches
from producers.events import (
    BatchEnded,
    BatchSubmitted,
    ConversationCreated,
    FileDeleted,
    FileStored,
    ItemsAdded,
    Message,
)
from producers.files.store import Files
from producers.log.places import Place
from producers.state.positions import Move
from producers.state.retention import Retention
from tests.support.builders import CLOCK
from tests.support.life import House
from tests.support.talk import said_in
from tests.support.views import applied


async def test_of_two_ends_of_a_batch_the_first_in_the_log_is_shown(house: House) -> None:
    batches = Batches(house.scripts, Retention())
    about: dict[str, Any] = {"batch_id": "batch_1", "tenant": "acme"}
    submitted = BatchSubmitted(
        **about, key_id="key_1", endpoint="/v1/chat/completions", input_file_id="file-1", expires_ms=CLOCK.now_ms(),
        at_ms=CLOCK.now_ms(),
    )  # fmt: skip
    first = BatchEnded(**about, status="expired", output_file_id="file-first")
    second = BatchEnded(**about, status="completed", output_file_id="file-second")

    await batches.note(submitted, 2)
    await batches.note(second, 6)
    await applied(house.scripts, first, Move(Place("batches", 0, 5), 0, 6, 1.0))
    await batches.note(second, 6)

    found = await batches.read("batch_1")
    assert found is not None
    assert found.ended == first
    assert await batches.open(9) == []


async def test_items_that_the_log_holds_twice_stand_at_their_first_place_and_keep_their_ids(house: House) -> None:
    about: dict[str, Any] = {"conversation": "conv_1", "tenant": "acme"}
    named, other = (
        ItemsAdded(**about, messages=(Message("user", text),), added=name)
        for text, name in (("one", "added_1"), ("two", ""))
    )
    await house.conversations.open(ConversationCreated(**about, at_ms=CLOCK.now_ms()))

    told = await house.conversations.add(named, 12)
    await house.conversations.add(other, 11)
    await applied(house.scripts, named, Move(Place("conversations", 0, 10), 0, 11, 1.0))
    again = await house.conversations.add(named, 12)

    assert [each.content for each in await said_in(house.conversations, "conv_1") or ()] == ["one", "two"]
    turns = [turn async for some in house.conversations.told("conv_1") for turn in some]
    assert [each.job_id for each in turns] == ["added:0000000000000010:added_1", "added:0000000000000011"]
    ids = [[each.id for each in turn.items()] for turn in (told, again, turns[0])]
    assert ids == [ids[0]] * 3


async def test_of_two_records_of_one_file_the_first_in_the_log_is_shown(house: House) -> None:
    files, now_ms = Files(house.scripts, Retention()), CLOCK.now_ms()
    about: dict[str, Any] = {"file_id": "file-1", "tenant": "acme", "filename": "e.jsonl", "purpose": "batch_output"}
    first, second = (
        FileStored(**about, size_bytes=size, expires_ms=now_ms + 60_000 * size, at_ms=now_ms) for size in (3, 5)
    )

    await files.keep(second, 6)
    await applied(house.scripts, first, Move(Place("files", 0, 5), 0, 6, 1.0))
    await files.keep(second, 6)

    assert await files.read("file-1") == first
    assert await files.doomed(first.expires_ms, 9) == ["file-1"]
    await files.forget(FileDeleted(file_id="file-1", tenant="acme"))
    await files.keep(first, 5)
    assert await files.read("file-1") is None
