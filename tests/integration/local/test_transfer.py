"""A download ends with the right file or with a clear word, whatever the server does."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from infra.local.disk.transfer import NotFetched, Patience, Remote, fetch, part_of
from infra.local.processes.ports import free_ports
from tests.support.file_server import (
    FileServer,
    Mood,
    a_file_server,
    another_range,
    boastful,
    cut,
    damaged,
    endless,
    refuse,
    stall,
    web_page,
    without_ranges,
)

BLOCK = 64 * 1024
CONTENT = bytes(range(256)) * 256 * 16
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SIZE = len(CONTENT)
MOST = 13 * BLOCK
QUICK = Patience(pauses_s=(0.01, 0.01, 0.01), connect_s=20.0, silence_s=20.0, longest_pause_s=5.0)


@pytest.fixture
async def server() -> AsyncIterator[FileServer]:
    """A server with one file."""
    async with a_file_server({"/file": CONTENT}) as running:
        yield running


def remote(server: FileServer, *, size_bytes: int = SIZE) -> Remote:
    return Remote(f"{server.url}/file", SHA256, size_bytes)


def names(folder: Path) -> list[str]:
    """What lies there."""
    return [each.name for each in folder.iterdir()]


async def fetched(remote: Remote, folder: Path, patience: Patience = QUICK) -> list[tuple[int, int]]:
    """Fetch it; what was told of the progress."""
    told: list[tuple[int, int]] = []
    await asyncio.to_thread(fetch, remote, folder / "file", lambda *step: told.append(step), patience)
    assert (folder / "file").read_bytes() == CONTENT
    assert names(folder) == ["file"]
    return told


@pytest.mark.parametrize("size_bytes", [SIZE, 0], ids=["of a known size", "of any size"])
async def test_a_cut_download_goes_on_where_it_was_cut(server: FileServer, tmp_path: Path, size_bytes: int) -> None:
    server.moods = [cut(MOST)]

    told = await fetched(remote(server, size_bytes=size_bytes), tmp_path)

    assert server.ranges == [None, f"bytes={MOST}-"]
    assert (MOST, SIZE) in told
    assert told[-1] == (SIZE, SIZE)


async def test_a_later_process_goes_on_with_what_an_earlier_one_left(server: FileServer, tmp_path: Path) -> None:
    server.moods = [cut(MOST), *[refuse(503)] * 4]
    with pytest.raises(NotFetched, match="it answers 503"):
        await fetched(remote(server), tmp_path)

    await fetched(remote(server), tmp_path)

    assert server.ranges[-1] == f"bytes={MOST}-"


async def test_as_long_as_something_comes_it_is_tried_again(server: FileServer, tmp_path: Path) -> None:
    server.moods = [cut(blocks * BLOCK) for blocks in range(1, 10)]

    await fetched(remote(server), tmp_path)

    assert len(server.asked) == 10


@pytest.mark.parametrize("mood", [without_ranges, another_range])
async def test_a_server_that_does_as_it_likes_with_ranges_will_do(
    server: FileServer, tmp_path: Path, mood: Mood
) -> None:
    server.moods = [cut(MOST), mood]

    await fetched(remote(server), tmp_path)

    assert len(server.asked) == 2


async def test_a_server_that_falls_silent_is_asked_again(server: FileServer, tmp_path: Path) -> None:
    server.moods = [stall(MOST)]

    await fetched(remote(server), tmp_path, replace(QUICK, silence_s=2.0))

    assert server.ranges[:2] == [None, f"bytes={MOST}-"]


@pytest.mark.parametrize(("mood", "told"), [(endless, "has more than the 2 MB"), (boastful, "has no room")])
async def test_a_server_cannot_fill_the_disk_with_a_file_of_unknown_size(
    server: FileServer, tmp_path: Path, mood: Mood, told: str
) -> None:
    server.moods = [mood]

    with pytest.raises(NotFetched, match=told):
        await fetched(replace(remote(server, size_bytes=0), max_bytes=2 * SIZE), tmp_path)

    assert names(tmp_path) == []


async def test_a_disk_that_is_nearly_full_is_told_as_such(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.local.disk.transfer._LEFT_FREE_BYTES", 10**15)

    with pytest.raises(NotFetched, match=r"has [\d,]+ MB free, and 1,000,000,000 MB must stay so"):
        await fetched(remote(server, size_bytes=0), tmp_path)


async def test_a_damaged_download_is_begun_anew_once(server: FileServer, tmp_path: Path) -> None:
    server.moods = [damaged]

    await fetched(remote(server), tmp_path)

    assert server.ranges == [None, None]


async def test_a_damaged_part_of_an_earlier_process_is_begun_anew(server: FileServer, tmp_path: Path) -> None:
    part_of(remote(server), tmp_path).write_bytes(bytes(MOST))

    await fetched(remote(server), tmp_path)

    assert server.ranges == [f"bytes={MOST}-", None]


async def test_a_part_that_is_longer_than_the_file_is_begun_anew(server: FileServer, tmp_path: Path) -> None:
    part_of(remote(server), tmp_path).write_bytes(bytes(SIZE + 1))

    await fetched(remote(server, size_bytes=0), tmp_path)

    assert server.ranges == [f"bytes={SIZE + 1}-", None]


async def test_another_content_twice_is_told_by_its_hash_and_leaves_nothing(server: FileServer, tmp_path: Path) -> None:
    server.moods = [damaged, damaged]

    with pytest.raises(NotFetched, match=f"{hashlib.sha256(CONTENT[::-1]).hexdigest()}, not {SHA256}"):
        await fetched(remote(server), tmp_path)

    assert names(tmp_path) == []


async def test_a_web_page_instead_of_the_file_is_told_and_what_came_is_kept(server: FileServer, tmp_path: Path) -> None:
    server.moods = [cut(MOST), web_page]

    with pytest.raises(NotFetched, match="gives a web page instead of the file"):
        await fetched(remote(server), tmp_path)

    assert part_of(remote(server), tmp_path).stat().st_size == MOST


async def test_a_file_that_is_not_there_is_told_at_once(server: FileServer, tmp_path: Path) -> None:
    server.moods = [refuse(404)]

    with pytest.raises(NotFetched, match="it answers 404 Not Found"):
        await fetched(remote(server), tmp_path)

    assert len(server.asked) == 1


async def test_a_file_of_another_size_is_told_at_once(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(NotFetched, match=f"has {SIZE} bytes, not {SIZE + 1}"):
        await fetched(remote(server, size_bytes=SIZE + 1), tmp_path)


async def test_a_pause_that_the_server_asks_for_is_kept(server: FileServer, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    server.moods = [
        refuse(429, Retry_After="1"),
        refuse(
            503, Date=format_datetime(now, usegmt=True), Retry_After=format_datetime(now + timedelta(seconds=1), True)
        ),
    ]

    await fetched(remote(server), tmp_path)

    first, second, third = server.asked_at
    assert second - first >= 1
    assert third - second >= 1


async def test_a_pause_that_is_too_long_is_told(server: FileServer, tmp_path: Path) -> None:
    server.moods = [refuse(429, Retry_After="3600")]

    with pytest.raises(NotFetched, match="429 Too Many Requests and asks to wait 3600 s"):
        await fetched(remote(server), tmp_path)


async def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    nowhere = Remote(f"http://127.0.0.1:{free_ports(1)[0]}/file", SHA256)

    with pytest.raises(NotFetched, match="it cannot be reached"):
        await fetched(nowhere, tmp_path)


async def test_a_full_disk_is_told(server: FileServer, tmp_path: Path) -> None:
    part_of(remote(server), tmp_path).symlink_to("/dev/full")

    with pytest.raises(NotFetched, match=r"cannot be written to \(No space left on device\)"):
        await fetched(remote(server), tmp_path)


async def test_the_proxy_of_the_environment_is_used(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("no_proxy", "")

    await fetched(Remote("http://mirror.invalid/file", SHA256, SIZE), tmp_path)

    assert server.asked == [("/file", None)]
