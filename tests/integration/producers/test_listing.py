"""A page of whatever a tenant has is read at one go, however long it is."""

from collections.abc import AsyncIterator

import pytest

from infra import redis
from infra.settings import RedisSettings
from producers.batches.store import Batches
from producers.conversations.store import Conversations
from producers.events import BatchSubmitted, BatchValidated, ConversationCreated, FileDeleted, FileStored
from producers.files.store import Files
from producers.state import walking
from producers.state.retention import Retention
from producers.state.scripts import Scripts
from tests.support.builders import CLOCK

IDS = [f"{number:02}" for number in range(30)]
EXPIRES_MS = CLOCK.now_ms() + 3_600_000


@pytest.fixture
async def scripts(redis_settings: RedisSettings) -> AsyncIterator[Scripts]:
    client = redis.client(redis_settings)
    yield Scripts(client, redis_settings)
    await client.aclose()


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch, scripts: Scripts) -> None:
    """Fails whoever asks Redis for one thing and waits for it."""

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("one record was read by itself")

    monkeypatch.setattr(scripts.redis, "execute_command", refuse)


@pytest.mark.usefixtures("one_by_one")
async def test_a_page_of_files_is_read_at_one_go(scripts: Scripts) -> None:
    files = Files(scripts, Retention())
    for each in IDS:
        await files.keep(
            FileStored(
                file_id=each, tenant="acme", filename="in.jsonl", size_bytes=3, purpose="batch",
                expires_ms=EXPIRES_MS, at_ms=float(each),
            ), 0
        )  # fmt: skip
    await files.forget(FileDeleted(file_id="07", tenant="acme"))

    page = await files.of_tenant("acme", 25, None, newest_first=False)

    assert page is not None
    assert [each.file_id for each in page.files] == [each for each in IDS if each != "07"][:25]
    assert page.has_more


async def test_a_filter_that_passes_over_all_comes_to_an_end_and_asks_for_each_step(
    scripts: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, asked = Files(scripts, Retention()), list[bool]()
    for each in IDS:
        await files.keep(
            FileStored(
                file_id=each, tenant="acme", filename="in.jsonl", size_bytes=3,
                purpose="batch_output" if each == "29" else "batch", expires_ms=EXPIRES_MS, at_ms=float(each),
            ), 0
        )  # fmt: skip

    async def go_on(may_end: bool) -> bool:
        asked.append(may_end)
        return True

    monkeypatch.setattr(walking, "LOOKED_AT_ONCE", 5)
    monkeypatch.setattr(walking, "MOST_LOOKED", 5)
    pages = [
        await files.of_tenant("acme", 3, after, newest_first=first, purpose="batch_output", go_on=go_on)
        for after, first in ((None, False), ("29", True))
    ]

    told = [([each.file_id for each in page.files], page.has_more) for page in pages if page is not None]
    assert told == [(["29"], True), ([], False)]
    assert asked == [False] * 10


@pytest.mark.usefixtures("one_by_one")
async def test_a_page_of_batches_is_read_at_one_go(scripts: Scripts) -> None:
    batches = Batches(scripts, Retention())
    for each in IDS:
        await batches.note(
            BatchSubmitted(
                batch_id=each, tenant="acme", key_id="key_1", endpoint="/v1/chat/completions", input_file_id="file-1",
                expires_ms=EXPIRES_MS, at_ms=float(each),
            ),
            0,
        )  # fmt: skip
    await batches.note(BatchValidated(batch_id="03", tenant="acme", model="m", lines=9), 1)

    page = await batches.of_tenant("acme", 25, None, newest_first=False)

    assert page is not None
    assert [each.id for each in page.batches] == IDS[:25]
    assert [each.id for each in page.batches if each.status == "in_progress"] == ["03"]


@pytest.mark.usefixtures("one_by_one")
async def test_a_page_of_conversations_is_read_at_one_go(scripts: Scripts) -> None:
    conversations = Conversations(scripts, Retention())
    for each in IDS:
        await conversations.open(ConversationCreated(conversation=each, tenant="acme", at_ms=float(each)))

    page = await conversations.of_tenant("acme", 25, newest_first=False)

    assert page is not None
    assert [each.id for each in page.conversations] == IDS[:25]
