"""What keeps a stack from filling the disk: logs are put aside, and a disk that gets full is told of."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from infra.errors import CannotStart
from infra.local.disk.room import free_bytes, refuse_full_disk, taken
from infra.local.kafka.segments import Partition
from infra.local.stack.housekeeping import cut_logs, keep_tidy
from infra.local.stack.log_room import LogRoom
from infra.settings import KafkaSettings, LocalSettings
from tests.support.eventually import eventually


def test_a_log_that_has_grown_too_large_is_put_aside_and_written_on(tmp_path: Path) -> None:
    large, small = tmp_path / "large.log", tmp_path / "small.log"
    small.write_text("few words\n")
    with large.open("a") as process:
        process.write("many words\n" * 200)
        process.flush()

        cut_logs([large, small], max_bytes=1000)
        process.write("more words\n")

    assert large.read_text() == "more words\n"
    assert (tmp_path / "large.log.1").read_text() == "many words\n" * 200
    assert small.read_text() == "few words\n"


async def test_a_running_stack_is_kept_tidy_and_a_disk_that_gets_full_is_told_once(tmp_path: Path) -> None:
    local = LocalSettings(dir=tmp_path, min_free_bytes=10**15, log_max_bytes=1000)
    log, told = tmp_path / "logs" / "gateway.log", list[str]()
    log.parent.mkdir()
    log.write_text("many words\n" * 200)
    foreign = log.with_name("theirs.log")
    foreign.write_text("many words\n" * 200)

    tidying = asyncio.create_task(keep_tidy(local, [log], None, told.append, look_every_s=0.01))
    await eventually(lambda: log.stat().st_size == 0 and bool(told))
    log.write_text("many words\n" * 200)
    await eventually(lambda: log.stat().st_size == 0)
    tidying.cancel()

    assert foreign.read_text() == "many words\n" * 200
    assert len(told) == 1
    assert "when it is full, prompts are refused" in told[0]


class FailsTwice(LogRoom):
    """A log that cannot be looked at, twice, and then is too large."""

    def __init__(self, folder: Path) -> None:
        super().__init__(KafkaSettings(), folder, 10_000_000, self._nothing)
        self.rounds = 0

    async def make(self) -> int:
        self.rounds += 1
        if self.rounds <= 2:
            raise ValueError("no JSON")
        return 5_000_000

    async def _nothing(self) -> dict[Partition, int]:
        return {}


async def test_a_round_that_fails_is_told_once_and_the_next_ones_are_made_all_the_same(tmp_path: Path) -> None:
    told, log = list[str](), FailsTwice(tmp_path)

    tidying = asyncio.create_task(keep_tidy(LocalSettings(dir=tmp_path), [], log, told.append, look_every_s=0.01))
    await eventually(lambda: log.rounds >= 5)
    tidying.cancel()

    failed, large = told
    assert failed.endswith("cannot be looked after: ValueError('no JSON'); still trying")
    assert large.startswith("the log takes 5 MB more than the 10 MB")


def test_a_start_on_a_nearly_full_disk_is_refused_with_a_way_out(tmp_path: Path) -> None:
    local = LocalSettings(dir=tmp_path / "not" / "yet", cache_dir=tmp_path)
    refuse_full_disk(replace(local, min_free_bytes=free_bytes(tmp_path) // 2))

    with pytest.raises(CannotStart, match=r"the stack cannot start: the disk of .*yet has [\d,]+ MB free") as refused:
        refuse_full_disk(replace(local, min_free_bytes=10**15))

    assert "HEADRACE_LOCAL__MIN_FREE_BYTES" in str(refused.value)
    assert not local.dir.exists()


def test_what_each_part_takes_is_told_with_its_limit(tmp_path: Path) -> None:
    (tmp_path / "data" / "kafka").mkdir(parents=True)
    (tmp_path / "data" / "kafka" / "segment").write_bytes(bytes(100_000))

    told = {each.name: each for each in taken(LocalSettings(dir=tmp_path / "data", cache_dir=tmp_path / "cache"))}

    assert told["kafka"].taken_bytes >= 100_000
    assert told["kafka"].limit_bytes == LocalSettings().kafka_max_bytes
    assert set(told) == {"kafka", "redis", "clickhouse", "files", "logs", "downloads"}
