"""`headrace tail` on a real broker: everything it holds, as it comes, without a trace."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from infra import kafka
from infra.settings import KafkaSettings, child_environment
from producers.log import codec, topic_admin
from producers.log.topics import ANSWERS, DEAD_LETTERS, FEEDBACK, JOB_EVENTS, Topic
from tests.support.builders import a_completed, a_prompt
from tests.support.command import headrace
from tests.support.topics import a_raw_producer

HEADRACE = (sys.executable, "-m", "infra.cli")
JOBS = [a_prompt(f"prompt {each}", tenant="acme" if each % 2 else "other") for each in range(8)]


@pytest.fixture
def log(kafka_settings: KafkaSettings) -> KafkaSettings:
    """A log of eight answers and, in their midst, bytes that nobody can read."""
    topic_admin.create(kafka_settings, [ANSWERS, JOB_EVENTS, FEEDBACK, DEAD_LETTERS])
    for number, prompt in enumerate(JOBS):
        send(kafka_settings, ANSWERS, codec.encode(a_completed(prompt, f"answer {number}")), number % 3)
        if number == 4:
            send(kafka_settings, ANSWERS, b"\xffnonsense", 1)
    return kafka_settings


def send(settings: KafkaSettings, topic: Topic, value: bytes, partition: int) -> None:
    with closing(a_raw_producer(settings)) as producer:
        producer.send(f"{settings.topic_prefix}{topic.name}", value, partition=partition).get(45)


def tailed(log: KafkaSettings, folder: Path, *options: str) -> list[dict[str, Any]]:
    done = headrace("tail", *options, "--no-follow", "--json", settings=(log,), folder=folder)
    assert done.returncode == 0, done.stderr
    return [json.loads(each) for each in done.stdout.splitlines()]


def texts(found: list[dict[str, Any]]) -> list[str]:
    return [each["event"]["text"] if "event" in each else "undecodable" for each in found]


def test_all_of_a_topic_comes_and_what_nobody_can_read_stops_nothing(log: KafkaSettings, tmp_path: Path) -> None:
    found = tailed(log, tmp_path, "answers", "--from-start")

    assert sorted(texts(found)) == [*(f"answer {each}" for each in range(8)), "undecodable"]
    for partition in range(3):
        offsets = [each["offset"] for each in found if each["partition"] == partition]
        assert offsets == sorted(offsets)


def test_the_newest_records_are_those_of_all_partitions_together(log: KafkaSettings, tmp_path: Path) -> None:
    assert texts(tailed(log, tmp_path, "answers", "job.events", "--last", "3")) == ["answer 5", "answer 6", "answer 7"]
    assert tailed(log, tmp_path, "answers", "--last", "0") == []


def test_a_time_to_begin_and_filters_choose(log: KafkaSettings, tmp_path: Path) -> None:
    mine = tailed(log, tmp_path, "answers", "--since", "10m", "--tenant", "acme", "--type", "AnswerCompleted")
    one = tailed(log, tmp_path, "--from-start", "--job", JOBS[2].job_id, "answers")
    broken = tailed(log, tmp_path, "answers", "--from-start", "--type", "undecodable")

    assert texts(mine) == ["answer 1", "answer 3", "answer 5", "answer 7"]
    assert texts(one) == ["answer 2"]
    assert broken[0]["value_base64"] == "/25vbnNlbnNl"
    assert tailed(log, tmp_path, "answers") == []


def test_lines_for_people_are_one_a_record_and_bear_no_colour_in_a_pipe(log: KafkaSettings, tmp_path: Path) -> None:
    done = headrace("tail", "answers", "--from-start", "--no-follow", settings=(log,), folder=tmp_path)

    lines = done.stdout.splitlines()
    assert len(lines) == 9
    assert sum("undecodable" in each and "nonsense" in each for each in lines) == 1
    assert "\x1b" not in done.stdout


def test_a_topic_the_broker_has_not_and_one_nobody_knows_are_told_apart(log: KafkaSettings, tmp_path: Path) -> None:
    missing = headrace("tail", "conversations", settings=(log,), folder=tmp_path)
    unknown = headrace("tail", "answer", settings=(log,), folder=tmp_path)
    torn = headrace("tail", "--last", "3", "--from-start", settings=(log,), folder=tmp_path)

    assert (missing.returncode, "topics create" in missing.stderr) == (3, True)
    assert (unknown.returncode, "'answers'" in unknown.stderr) == (2, True)
    assert torn.returncode == 2


@asynccontextmanager
async def following(log: KafkaSettings, folder: Path, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A tail that has shown the last record there was, so that it reads what comes from then on."""
    process = await asyncio.create_subprocess_exec(
        *HEADRACE, "tail", "answers", "--last", "1", "--json", *options,
        cwd=folder, env=child_environment(log), stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    try:
        assert texts([await read(process)]) == ["answer 7"]
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def read(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    return dict(json.loads(await asyncio.wait_for(process.stdout.readline(), 60)))


async def test_what_comes_is_shown_as_it_comes_and_ctrl_c_ends_it_cleanly(log: KafkaSettings, tmp_path: Path) -> None:
    async with following(log, tmp_path) as process:
        new = codec.encode(a_completed(a_prompt(), "answer 8"))
        await asyncio.to_thread(send, log, ANSWERS, new, 5)
        assert texts([await read(process)]) == ["answer 8"]

        process.send_signal(signal.SIGINT)

        assert await asyncio.wait_for(process.wait(), 60) == 0
        assert process.stderr is not None
        assert await process.stderr.read() == b""


async def test_a_tail_leaves_no_group_behind(log: KafkaSettings, tmp_path: Path) -> None:
    async with following(log, tmp_path):
        groups = await asyncio.to_thread(groups_of, log)

    assert not any("tail" in each for each in groups)


def groups_of(log: KafkaSettings) -> list[str]:
    with closing(kafka.admin(log)) as admin:
        return [str(each) for each in admin.list_groups()]


def test_whoever_stops_reading_ends_it_though_nothing_new_comes(log: KafkaSettings, tmp_path: Path) -> None:
    command = " ".join((*HEADRACE, "tail", "answers", "--from-start"))
    began_s = time.monotonic()

    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | head -2"],
        cwd=tmp_path,
        env=child_environment(log),
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )

    assert len(done.stdout.splitlines()) == 2
    assert (done.returncode, done.stderr) == (0, "")
    assert time.monotonic() - began_s < 80
