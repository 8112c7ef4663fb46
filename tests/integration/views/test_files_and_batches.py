"""Files and batches are in the log: a Redis that lost everything has them again."""

from typing import Any

from producers.batches.store import Batches
from producers.events import (
    BatchCancelRequested,
    BatchEnded,
    BatchFinalizing,
    BatchSubmitted,
    BatchValidated,
    FileDeleted,
    FileStored,
    Idempotency,
    Usage,
)
from producers.files.store import Files
from producers.idempotency.once import Begun, Once, OtherPayload
from producers.log.topics import BATCHES, FILES, Topic
from producers.state.retention import Retention
from producers.state.view import is_whole
from tests.integration.views.conftest import House, following
from tests.support.builders import CLOCK
from tests.support.eventually import eventually

LAID = Idempotency("acme:/v1/files:k", "print", "once_kept", "words")
HANDED_IN = Idempotency("acme:/v1/batches:k", "print", "once_open")


def a_file(file_id: str, lives_ms: float = 3_600_000.0) -> FileStored:
    now_ms = CLOCK.now_ms()
    return FileStored(
        file_id=file_id, tenant="acme", filename="in.jsonl", size_bytes=3, purpose="batch",
        expires_ms=now_ms + lives_ms, idempotency=LAID if file_id == "file-kept" else None, at_ms=now_ms,
    )  # fmt: skip


def a_batch(batch_id: str) -> BatchSubmitted:
    now_ms = CLOCK.now_ms()
    return BatchSubmitted(
        batch_id=batch_id, tenant="acme", key_id="key_1", endpoint="/v1/chat/completions", input_file_id="file-kept",
        expires_ms=now_ms + 86_400_000, idempotency=HANDED_IN if batch_id == "batch_open" else None, at_ms=now_ms,
    )  # fmt: skip


async def test_files_and_batches_survive_an_emptied_redis(house: House) -> None:
    files, batches = Files(house.scripts, Retention()), Batches(house.scripts, Retention())
    usage = Usage(7, 3)
    told: list[tuple[Topic, str, Any]] = [
        (FILES, "file-kept", a_file("file-kept")),
        (FILES, "file-old", a_file("file-old", lives_ms=-1.0)),
        (FILES, "file-gone", a_file("file-gone")),
        (FILES, "file-gone", FileDeleted(file_id="file-gone", tenant="acme")),
        (BATCHES, "batch_open", a_batch("batch_open")),
        (BATCHES, "batch_open", BatchValidated(batch_id="batch_open", tenant="acme", model="m", lines=2)),
        (BATCHES, "batch_open", BatchCancelRequested(batch_id="batch_open", tenant="acme")),
        (BATCHES, "batch_done", a_batch("batch_done")),
        (BATCHES, "batch_done", BatchFinalizing(batch_id="batch_done", tenant="acme")),
        (BATCHES, "batch_done", BatchEnded(batch_id="batch_done", tenant="acme", status="completed", usage=usage)),
        (BATCHES, "batch_done", BatchEnded(batch_id="batch_done", tenant="acme", status="expired")),
    ]
    async with following(house.state_view()):
        for topic, key, event in told:
            await house.parts.publisher.publish(topic, key, event)

        async def all_there() -> bool:
            done = await batches.read("batch_done")
            still_open, kept = await batches.open(9), await files.read("file-kept")
            return bool(done and done.ended and still_open == ["batch_open"] and kept)

        await eventually(all_there, what="files and batches")
        await house.scripts.redis.flushdb()
        await eventually(all_there, what="files and batches again")
        await eventually(lambda: is_whole(house.scripts), within_s=45)
        repeats = [
            await Once(house.scripts).begin(each.name, each.fingerprint, "once_new") for each in (LAID, HANDED_IN)
        ]
        other = await Once(house.scripts).begin(LAID.name, "another", "once_new")
        done, cancelled = await batches.read("batch_done"), await batches.read("batch_open")
        listed = await files.of_tenant("acme", 9, None, newest_first=True)
        gone = [await files.read(each) for each in ("file-old", "file-gone")]
        doomed = await files.doomed(CLOCK.now_ms() + 1000, 9)

    assert [each.seed for each in repeats if isinstance(each, Begun)] == ["once_kept", "once_open"]
    assert await house.scripts.redis.hget(f"{house.scripts.prefix}once:{LAID.name}", "digest") == b"words"
    assert other == OtherPayload()
    assert done is not None
    assert done.ended is not None
    assert (done.status, done.ended.usage) == ("completed", usage), "the first ending counts"
    assert cancelled is not None
    assert (cancelled.status, cancelled.submitted.key_id) == ("cancelling", "key_1")
    assert listed is not None
    assert [each.file_id for each in listed.files] == ["file-kept"]
    assert gone == [None, None]
    assert set(doomed) == {"file-old", "file-gone"}, "their bytes go, however often the log is read"
