"""Files over HTTP: stored as they come, listed, read, deleted; whose they are, and when their bytes go."""

import asyncio
import gzip
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from gateway.batches.settings import BatchSettings
from gateway.files.settings import FilesSettings
from gateway.files.store import STORE, WINDOW_BYTES
from gateway.keys import CLOCK, FILES
from infra.settings import KafkaSettings, RedisSettings
from producers.events import FileDeleted, FileStored
from producers.log.topics import FILES as TOPIC
from tests.support.eventually import eventually
from tests.support.files import upload, with_store
from tests.support.gateway import Answer, Log, RunningGateway, a_gateway
from tests.support.gateway_process import AN_HOUR_S, a_process, known
from tests.support.held_redis import a_held_redis


@pytest.fixture
async def gateway(
    log_settings: KafkaSettings, redis_settings: RedisSettings, tmp_path: Path
) -> AsyncIterator[RunningGateway]:
    parts = with_store(tmp_path)
    parts["files"] = replace(parts["files"], max_bytes=12 * 1024 * 1024)
    async with a_gateway(log_settings, redis_settings, parts=parts) as running:
        yield running


def stored(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


async def test_a_file_lives_in_the_log_and_the_store_from_its_upload_to_its_end(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    log = Log(gateway.kafka, [TOPIC])
    await log.start()
    made = await upload(gateway, b"hello\n", "greeting.jsonl")
    here = f"/v1/files/{made.json['id']}"
    shown, content = await gateway.get(here), await gateway.get(f"{here}/content")
    async with gateway.http.delete(f"{gateway.url}{here}") as response:
        deleted = await response.json()
    gone = [(await gateway.get(path)).status for path in (here, f"{here}/content")]
    events = [(await log.next(gateway.tenant))[0] for _ in range(2)]
    await log.close()

    assert made.status == 200
    assert made.json["id"].startswith("file-")
    assert made.json | {"id": "", "created_at": 0, "expires_at": 0} == {
        "id": "", "object": "file", "bytes": 6, "created_at": 0, "expires_at": 0, "filename": "greeting.jsonl",
        "purpose": "batch", "status": "processed",
    }  # fmt: skip
    assert made.json["expires_at"] - made.json["created_at"] == 30 * 86_400
    assert (shown.json, content.content) == (made.json, b"hello\n")
    assert deleted == {"id": made.json["id"], "object": "file", "deleted": True}
    assert gone == [404, 404]
    assert [type(each) for each in events] == [FileStored, FileDeleted]
    await eventually(lambda: stored(tmp_path) == set(), what="the bytes of the deleted file gone")


async def test_a_large_file_is_stored_as_it_comes_and_a_larger_one_leaves_nothing(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    async def pieces(count: int) -> AsyncIterator[bytes]:
        for number in range(count):
            yield bytes([number]) * 1024 * 1024

    taken = await upload(gateway, pieces(12))
    refused = await upload(gateway, pieces(13))

    assert (taken.status, taken.json["bytes"]) == (200, 12 * 1024 * 1024)
    assert (refused.status, refused.json["error"]["code"]) == (413, "file_too_large")
    assert {each for each in stored(tmp_path) if "#" not in each} == {taken.json["id"]}
    content = (await gateway.get(f"/v1/files/{taken.json['id']}/content")).content
    assert content == b"".join([bytes([number]) * 1024 * 1024 for number in range(12)])


async def test_what_is_no_file_is_refused_and_leaves_nothing(gateway: RunningGateway, tmp_path: Path) -> None:
    no_form = await gateway.post("/v1/files", {"purpose": "batch"})
    wrong_purpose = await upload(gateway, b"{}", purpose="fine-tune")
    short_life = await upload(gateway, b"{}", **{"expires_after[anchor]": "created_at", "expires_after[seconds]": "60"})
    wrong_anchor = await upload(
        gateway, b"{}", **{"expires_after[anchor]": "last_used_at", "expires_after[seconds]": "7200"}
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    async with gateway.http.post(f"{gateway.url}/v1/files", data=b"--x--\r\n", headers=headers) as response:
        empty = response.status
    async with gateway.http.post(f"{gateway.url}/v1/files", data=b"nothing", headers=headers) as response:
        broken = response.status
    no_header = b'--x\r\nContent-Disposition: form-data; name="\x05"\r\n\r\nbatch\r\n--x--\r\n'
    async with gateway.http.post(f"{gateway.url}/v1/files", data=no_header, headers=headers) as response:
        unnamed = response.status

    parts = [
        b'Content-Disposition: form-data; name="purpose"\r\n\r\nbatch',
        b'Content-Disposition: form-data; name="colour"\r\n\r\nred',
        b'Content-Disposition: form-data; name="file"; filename="a"\r\nContent-Encoding: gzip\r\n\r\n{}',
    ]
    odd = []
    for wrong in parts:
        form = b"".join(b"--x\r\n" + each + b"\r\n" for each in (parts[0], wrong)) + b"--x--\r\n"
        async with gateway.http.post(f"{gateway.url}/v1/files", data=form, headers=headers) as response:
            odd.append((response.status, (await response.json())["error"]["param"]))

    assert no_form.status == 415
    assert odd == [(400, "purpose"), (400, "colour"), (400, "file")]
    assert (wrong_purpose.status, wrong_purpose.json["error"]["param"]) == (400, "purpose")
    assert (short_life.status, short_life.json["error"]["param"]) == (400, "expires_after.seconds")
    assert (wrong_anchor.status, wrong_anchor.json["error"]["param"]) == (400, "expires_after.anchor")
    assert (empty, broken, unnamed) == (400, 400, 400)
    await eventually(lambda: stored(tmp_path) == set(), what="nothing in the store")


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        (b'form-data; name="file"; filename="caf\xe9.jsonl"', "file"),
        (b"form-data; name=\"file\"; filename*=utf-7''%2B%32%41%41%2D", "file"),
        (b'form-data; name="pur\xffpose"', "pur?pose"),
        (b'form-data; name="colour"', "colour"),
    ],
    ids=["the file's name", "the file's name in an encoding of its own", "a field's name", "a field that is none"],
)
async def test_a_form_that_goes_wrong_behind_its_file_leaves_nothing_also_where_a_name_is_no_text(
    gateway: RunningGateway, tmp_path: Path, wrong: bytes, param: str
) -> None:
    fields = [b'form-data; name="purpose"\r\n\r\nbatch']
    if param != "file":
        fields.append(b'form-data; name="file"; filename="caf\xc3\xa9.jsonl"\r\n\r\n{}')
    fields.append(wrong + b"\r\n\r\n{}")
    form = b"".join(b"--x\r\nContent-Disposition: " + each + b"\r\n" for each in fields) + b"--x--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    async with gateway.http.post(f"{gateway.url}/v1/files", data=form, headers=headers) as response:
        told = await Answer.of(response)

    assert (told.status, told.json["error"]["param"]) == (400, param)
    await eventually(lambda: stored(tmp_path) == set(), what="nothing in the store")


async def test_a_packed_upload_that_breaks_off_behind_its_form_leaves_nothing(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    form = (
        b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n{}\r\n--x--\r\n'
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Encoding": "gzip"}
    told = []
    for behind in (b"", b"and\r\nthe\r\n" + os.urandom(500_000)):
        packed = gzip.compress(form + behind)
        for body in (packed[:-6], packed):
            async with gateway.http.post(f"{gateway.url}/v1/files", data=body, headers=headers) as response:
                told.append(await Answer.of(response))

    assert [each.status for each in told] == [400, 200, 400, 200]
    assert told[2].json["error"]["message"] == "The body is not what its Content-Encoding says."
    kept = {told[1].json["id"], told[3].json["id"]}
    await eventually(lambda: stored(tmp_path) == kept, what="nothing else in the store")


async def test_files_are_listed_in_pages_also_past_one_that_was_deleted_meanwhile(gateway: RunningGateway) -> None:
    ids = [(await upload(gateway, b"{}", f"{n}.jsonl")).json["id"] for n in range(4)]
    first = (await gateway.get("/v1/files?limit=2")).json
    async with gateway.http.delete(f"{gateway.url}/v1/files/{first['last_id']}"):
        pass
    rest = (await gateway.get(f"/v1/files?limit=2&after={first['last_id']}")).json
    outputs = (await gateway.get("/v1/files?purpose=batch_output")).json
    wrong = await gateway.get("/v1/files?purpose=user_data&limit=2")
    inputs = (await gateway.get("/v1/files?purpose=batch&order=asc&limit=10000")).json

    assert ([each["id"] for each in first["data"]], first["has_more"]) == (ids[:1:-1], True)
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == (ids[1::-1], False)
    assert (outputs["data"], outputs["has_more"]) == ([], False)
    assert (wrong.status, wrong.json["error"]["param"]) == (400, "purpose")
    assert [each["id"] for each in inputs["data"]] == [ids[0], ids[1], ids[3]]
    assert (await gateway.get("/v1/files?after=file-none")).json["error"]["param"] == "after"


async def test_one_tenant_never_sees_anothers_files(gateway: RunningGateway) -> None:
    mine = (await upload(gateway, b"{}")).json["id"]
    other = await gateway.issue("somebody-else")
    headers = {"Authorization": f"Bearer {other.api_key}"}
    seen = []
    for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        async with gateway.http.request(method, f"{gateway.url}/v1/files/{mine}{path}", headers=headers) as response:
            seen.append(response.status)
    listed = await gateway.get("/v1/files", Authorization=headers["Authorization"])

    assert seen == [404, 404, 404]
    assert listed.json["data"] == []
    assert (await gateway.get(f"/v1/files/{mine}")).status == 200


async def test_a_file_whose_time_is_over_is_gone_and_so_are_its_bytes(gateway: RunningGateway, tmp_path: Path) -> None:
    kept, now_ms = "file-short", gateway.app[CLOCK].now_ms()
    async with gateway.app[STORE].writing(kept) as sink:
        await sink.write(b"{}")
    short = FileStored(
        file_id=kept, tenant=gateway.tenant, filename="a", size_bytes=2, purpose="batch", expires_ms=now_ms + 300,
        at_ms=now_ms,
    )  # fmt: skip
    await gateway.app[FILES].keep(short, 0)

    await eventually(lambda: stored(tmp_path) == set(), what="the bytes gone")

    assert (await gateway.get(f"/v1/files/{kept}")).status == 404
    assert (await gateway.get("/v1/files")).json["data"] == []


async def test_a_file_is_read_whole_whatever_size_its_record_tells(gateway: RunningGateway) -> None:
    """Two gateways wrote one output, and the record of the one is believed, the bytes are of the other."""
    async with gateway.app[STORE].writing("file-twice") as sink:
        await sink.write(b"longer words")
    now_ms = gateway.app[CLOCK].now_ms()
    for size, file_id in ((3, "file-twice"), (30, "file-twice")):
        event = FileStored(
            file_id=file_id, tenant=gateway.tenant, filename="a", size_bytes=size, purpose="batch_output",
            expires_ms=now_ms + 60_000, at_ms=now_ms,
        )  # fmt: skip
        await gateway.scripts.redis.delete(f"{gateway.scripts.prefix}file:{file_id}")
        await gateway.app[FILES].keep(event, 0)
        answer = await gateway.get(f"/v1/files/{file_id}/content")
        assert (answer.status, answer.content) == (200, b"longer words")


async def test_what_was_uploaded_and_never_kept_is_taken_away(gateway: RunningGateway, tmp_path: Path) -> None:
    async with gateway.app[STORE].writing("file-orphan") as sink:
        await sink.write(b"half")
    assert stored(tmp_path) == {"file-orphan"}
    await gateway.app[FILES].doom("file-orphan", gateway.app[CLOCK].now_ms())

    await eventually(lambda: stored(tmp_path) == set(), what="the orphan gone")


async def test_without_a_store_files_and_batches_say_so(
    log_settings: KafkaSettings, redis_settings: RedisSettings
) -> None:
    async with a_gateway(log_settings, redis_settings, parts={"files": FilesSettings()}) as bare:
        uploaded = await upload(bare, b"{}")
        submitted = await bare.post("/v1/batches", {})

    for each in (uploaded, submitted):
        assert (each.status, each.json["error"]["code"]) == (503, "no_file_store")
        assert each.headers["x-should-retry"] == "false"


async def test_a_store_that_fails_is_503_and_nothing_is_promised(gateway: RunningGateway, tmp_path: Path) -> None:
    made = (await upload(gateway, b"{}")).json["id"]
    await gateway.app[STORE].remove(made)
    lost = await gateway.get(f"/v1/files/{made}/content")
    await asyncio.to_thread(broken, tmp_path)
    refused = await upload(gateway, b"{}")

    assert lost.status == 404
    assert (refused.status, refused.json["error"]["code"]) == (503, "unavailable")


async def test_a_file_that_breaks_off_is_never_taken_for_a_whole_one(gateway: RunningGateway, tmp_path: Path) -> None:
    made = (await upload(gateway, b"to be more")).json["id"]
    async with gateway.app[STORE].writing(made) as sink:
        for _ in range(32):  # more than sockets hold
            await sink.write(bytes(WINDOW_BYTES))

    async with gateway.http.get(f"{gateway.url}/v1/files/{made}/content") as response:
        await response.content.readexactly(1)
        await asyncio.to_thread(os.truncate, tmp_path / made, WINDOW_BYTES)
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


def broken(folder: Path) -> None:
    """A file lies where the store's folder was."""
    folder.rmdir()
    folder.write_text("no folder")


async def test_an_upload_repeated_under_its_idempotency_key_is_one_file_and_another_of_its_length_is_refused(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    async def large(last: bytes, mebibytes: int = 6) -> AsyncIterator[bytes]:
        for _ in range(mebibytes):
            yield b"x" * 1024 * 1024
        yield last

    first, again = [await upload(gateway, large(b"1"), once="k") for _ in range(2)]
    others = [
        await upload(gateway, large(b"2"), once="k"),
        await upload(gateway, large(b"1"), "inpuT.jsonl", once="k"),
        await upload(gateway, large(b"1"), once="k", **{"expires_after[anchor]": "created_at"}),
    ]
    too_large = await upload(gateway, large(b"1", 12), once="k")

    assert (first.status, again.status, again.content) == (200, 200, first.content)
    assert (again.headers["Idempotent-Replayed"], "Idempotent-Replayed" in first.headers) == ("true", False)
    assert [(each.status, each.json["error"]["code"]) for each in others] == [(422, "idempotency_key_reused")] * 3
    assert too_large.status == 413
    assert (await gateway.get(f"/v1/files/{first.json['id']}/content")).content[-2:] == b"x1"
    assert {each for each in stored(tmp_path) if "#" not in each} == {first.json["id"]}


@pytest.mark.timeout(240)  # a process starts here, on a machine that may be busy
async def test_an_upload_whose_gateway_died_is_never_overwritten_by_another_under_its_key(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    log = Log(gateway.kafka, [TOPIC])
    await log.start()
    # Killed between the log and the view: nobody was told of the file, and Redis does not know it.
    async with (
        a_held_redis(gateway.redis, before=b"FileStored") as (held_settings, way),
        a_process(
            gateway.kafka, held_settings, tmp_path, AN_HOUR_S, FilesSettings(dir=str(tmp_path)), BatchSettings()
        ) as dying,
    ):
        theirs = replace(gateway, url=dying.url)
        gateway.http.headers.update(await known(gateway, dying))
        asking = asyncio.create_task(upload(theirs, b"first", once="k"))
        stored_first, _ = await log.next(gateway.tenant, within_s=45)
        await asyncio.wait_for(way.held.wait(), 45)
        dying.process.kill()
        await asyncio.wait([asking])
    await log.close()
    await silent_since_long(gateway)

    other = await upload(gateway, b"other", once="k")
    unlike = [(await gateway.app[STORE].read(stored_first.file_id).__anext__())]
    back = await upload(gateway, b"first", once="k")
    again = await upload(gateway, b"first", once="k")

    assert isinstance(asking.exception(), aiohttp.ClientError)
    assert (other.status, other.json["error"]["code"]) == (422, "idempotency_key_reused")
    assert unlike == [b"first"]
    assert (back.status, back.json["id"]) == (200, stored_first.file_id)
    assert again.content == back.content
    assert (await gateway.get(f"/v1/files/{stored_first.file_id}/content")).content == b"first"


async def test_an_upload_that_was_kept_and_not_told_of_is_told_of_as_it_was(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    first = await upload(gateway, b"first", once="k")
    (name,) = [each async for each in gateway.scripts.redis.scan_iter(f"{gateway.scripts.prefix}once:*")]
    await gateway.scripts.redis.hdel(name, "status", "body")
    await silent_since_long(gateway)
    other = await upload(gateway, b"other", once="k")
    back = await upload(gateway, b"first", once="k")

    assert (other.status, back.status, back.content) == (422, 200, first.content)
    assert (await gateway.get(f"/v1/files/{first.json['id']}/content")).content == b"first"
    await eventually(lambda: stored(tmp_path) == {first.json["id"]}, what="nothing but the file in the store")


async def test_who_is_taken_over_in_mid_upload_leaves_the_file_to_the_one_who_came_after(
    gateway: RunningGateway,
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"first"
        begun.set()
        await go_on.wait()

    asking = asyncio.create_task(upload(gateway, slow(), once="k"))
    await asyncio.wait_for(begun.wait(), 45)
    await eventually(lambda: under_a_key(gateway), what="the upload under way")
    await silent_since_long(gateway)
    other = await upload(gateway, b"other", once="k")
    go_on.set()
    late = await asking

    assert (other.status, late.status) == (200, 409)
    assert (await gateway.get(f"/v1/files/{other.json['id']}/content")).content == b"other"


async def under_a_key(gateway: RunningGateway) -> bool:
    return bool([each async for each in gateway.scripts.redis.scan_iter(f"{gateway.scripts.prefix}once:*")])


async def silent_since_long(gateway: RunningGateway) -> None:
    """So long ago whoever has a key was heard of."""
    async for name in gateway.scripts.redis.scan_iter(f"{gateway.scripts.prefix}once:*"):
        await gateway.scripts.redis.hset(name, "until_ms", "1")
