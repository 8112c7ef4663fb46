"""Jars come from a mirror where one is named, are held to their hashes, and are asked for once."""

import asyncio
import hashlib
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from infra.errors import CannotStart
from infra.local.disk.jars import Jar, fetch_jars
from infra.local.disk.transfer import Patience
from infra.local.processes.ports import free_ports
from tests.support.file_server import FileServer, a_file_server, cut

QUICK = Patience(pauses_s=(0.01,), connect_s=20.0, silence_s=20.0)
CONTENTS = {name: name.encode() * 100_000 for name in ("one", "two", "three")}
JARS = [
    Jar("org.example", name, "1.0", len(content), hashlib.sha256(content).hexdigest())
    for name, content in CONTENTS.items()
]


@pytest.fixture
async def mirror() -> AsyncIterator[FileServer]:
    """A mirror in Maven's layout."""
    files = {f"/maven/org/example/{name}/1.0/{name}-1.0.jar": content for name, content in CONTENTS.items()}
    async with a_file_server(files) as running:
        yield running


async def fetched(jars: list[Jar], cache: Path, maven_url: str) -> list[tuple[str, int, int]]:
    """Fetch them; what was told of the progress."""
    told: list[tuple[str, int, int]] = []

    def fetch() -> list[Path]:
        report = lambda *step: told.append(step)  # noqa: E731
        return fetch_jars(jars, cache, part="Kafka", report=report, maven_url=maven_url, patience=QUICK)

    paths = await asyncio.to_thread(fetch)
    assert [path.read_bytes() for path in paths] == [CONTENTS[jar.artifact] for jar in jars]
    assert {each.name for each in paths[0].parent.iterdir()} == {".lock"} | {path.name for path in paths}
    return told


async def test_jars_come_from_the_mirror(mirror: FileServer, tmp_path: Path) -> None:
    mirror.moods = [cut(65_536)]

    told = await fetched(JARS, tmp_path, f"{mirror.url}/maven/")

    size = sum(jar.size_bytes for jar in JARS)
    assert told[0] == ("downloading Kafka", 0, size)
    assert ("downloading Kafka", size, size) in told
    assert sorted(path for path, _ in mirror.asked) == sorted([*mirror.files, mirror.asked[0][0]])


async def test_with_a_full_cache_nobody_is_asked(mirror: FileServer, tmp_path: Path) -> None:
    await fetched(JARS, tmp_path, f"{mirror.url}/maven")

    told = await fetched(JARS, tmp_path, f"http://127.0.0.1:{free_ports(1)[0]}")

    assert told == []


async def test_only_a_damaged_jar_is_fetched_again(mirror: FileServer, tmp_path: Path) -> None:
    await fetched(JARS, tmp_path, f"{mirror.url}/maven")
    (tmp_path / "jars" / "two-1.0.jar").write_bytes(bytes(JARS[1].size_bytes))
    mirror.asked.clear()

    await fetched(JARS, tmp_path, f"{mirror.url}/maven")

    assert [path for path, _ in mirror.asked] == ["/maven/org/example/two/1.0/two-1.0.jar"]


async def test_parts_of_jars_that_nobody_wants_any_more_are_removed(mirror: FileServer, tmp_path: Path) -> None:
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / ".0123456789abcdef.part").write_bytes(b"of an older list")

    await fetched(JARS, tmp_path, f"{mirror.url}/maven")


async def test_a_jar_that_is_not_what_the_list_says_is_refused_with_a_way_out(
    mirror: FileServer, tmp_path: Path
) -> None:
    with pytest.raises(
        CannotStart, match=r"Kafka cannot start: a jar could not be fetched: .* has the SHA-256"
    ) as refused:
        await fetched([replace(JARS[0], sha256="0" * 64)], tmp_path, f"{mirror.url}/maven")

    assert "HEADRACE_LOCAL__MAVEN_URL" in str(refused.value)
    assert "HTTPS_PROXY" in str(refused.value)


async def test_two_processes_at_once_fetch_each_jar_once(mirror: FileServer, tmp_path: Path) -> None:
    program = (
        f"from {__name__} import JARS, Path, fetch_jars\n"
        f"print(len(fetch_jars(JARS, Path({str(tmp_path)!r}), part='Kafka', maven_url={mirror.url + '/maven'!r})))"
    )

    def two() -> list[str]:
        argv = [sys.executable, "-c", program]
        both = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        return [each.communicate(timeout=120)[0].strip() for each in both]

    assert await asyncio.to_thread(two) == ["3", "3"]
    assert sorted(path for path, _ in mirror.asked) == sorted(mirror.files)
