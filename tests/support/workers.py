"""Worker processes for tests, and a hand that plays the gateway and the state view beside them."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from kafka import TopicPartition

from infra import kafka, redis
from infra.local.processes.ports import free_ports
from infra.settings import (
    PREFIX,
    KafkaSettings,
    LogSettings,
    RedisSettings,
    ServiceSettings,
    TgiSettings,
)
from infra.telemetry.settings import MetricsSettings
from producers.events import AnswerCompleted, Lane, Limits, PromptSubmitted, Terminal
from producers.jobs import live, record
from producers.jobs.intake import Intake
from producers.jobs.record import JobRecord
from producers.log import codec, partitioning, topic_admin
from producers.log.publisher import Publisher
from producers.log.topics import ANSWERS, DEAD_LETTERS, Topic, prompts
from producers.state import view
from producers.state.retention import Retention
from producers.state.scripts import Scripts
from stream_workers.fanout.state_view import StateView
from stream_workers.settings import WorkerSettings
from tests.support.eventually import eventually, eventually_sync

GENEROUS = Limits(requests_per_minute=1_000_000, jobs_in_flight=1_000_000)


@dataclass
class RunningWorker:
    """One `headrace worker`."""

    process: subprocess.Popen[bytes]
    ready_file: Path
    log: Path
    metrics: str

    def wait_ready(self, within_s: float = 90.0) -> None:
        """Until it has partitions."""
        eventually_sync(
            lambda: self.ready_file.exists() or self.process.poll() is not None,
            within_s=within_s,
            what="a ready worker",
        )
        assert self.process.poll() is None, self.log.read_text()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def terminate(self) -> int:
        """Stop it in order; its exit code."""
        self.process.terminate()
        return self.process.wait(90)


@dataclass
class Workshop:
    """Where a test's workers run: one broker, one Redis, one model server, names of this test's own."""

    folder: Path
    kafka: KafkaSettings
    redis: RedisSettings
    tgi: TgiSettings
    drain_s: float = 60.0
    workers: list[RunningWorker] = field(default_factory=list)

    def start(self, settings: WorkerSettings, *, wait: bool = True, program: tuple[str, ...] = ()) -> RunningWorker:
        """One more worker; with `wait`, it has its partitions when this returns."""
        number = len(self.workers)
        ready_file, log = self.folder / f"ready-{number}", self.folder / f"worker-{number}.log"
        told_at = MetricsSettings(address=f"127.0.0.1:{free_ports(1)[0]}")
        blocks = (self.kafka, self.redis, self.tgi, settings, told_at, LogSettings(format="json"))
        service = ServiceSettings(ready_file=str(ready_file), drain_s=self.drain_s)
        bare = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        ours = {name: value for block in (*blocks, service) for name, value in block.to_env().items()}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, *(program or ("-m", "infra.cli")), "worker"],
                cwd=self.folder,
                env={**bare, **ours},
                stderr=output,
            )
        worker = RunningWorker(process, ready_file, log, f"http://{told_at.address}/metrics")
        self.workers.append(worker)
        if wait:
            worker.wait_ready()
        return worker

    async def committed(self, lane: Lane = "standard") -> dict[int, int]:
        """What the workers' group has committed, by partition of a lane."""
        return await asyncio.to_thread(self._committed, lane)

    def _committed(self, lane: Lane) -> dict[int, int]:
        admin = kafka.admin(self.kafka)
        try:
            group, name = f"{self.kafka.topic_prefix}worker", f"{self.kafka.topic_prefix}{prompts(lane).name}"
            found = admin.list_group_offsets({group: None})[group]
            return {tp.partition: told.offset for tp, told in found.items() if tp.topic == name}
        finally:
            admin.close()

    def end(self) -> None:
        """No worker outlives its test."""
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.kill()


@contextmanager
def workshop(folder: Path, kafka_: KafkaSettings, redis_: RedisSettings, tgi_url: str) -> Iterator[Workshop]:
    """Topics are there; workers that are left at the end are killed."""
    topic_admin.create(kafka_)
    place = Workshop(folder, kafka_, redis_, TgiSettings(url=tgi_url))
    try:
        yield place
    finally:
        place.end()


class Hand:
    """Plays the gateway: accepts, publishes, acknowledges. And the state view, as far as to say that it is whole."""

    def __init__(self, place: Workshop) -> None:
        self.client = redis.client(place.redis)
        self.scripts = Scripts(self.client, place.redis)
        self.intake = Intake(self.scripts, Retention())
        self.view = StateView(self.scripts, Retention())
        self.publisher = Publisher(place.kafka, "hand")

    async def __aenter__(self) -> "Hand":
        self.publisher.start()
        await self.publisher.wait_connected(45)
        await self.mark_whole(is_whole=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.publisher.close()
        await self.client.aclose()

    async def mark_whole(self, *, is_whole: bool) -> None:
        for topic in view.TOPICS:
            for partition in range(topic.partitions):
                await self.view.positions.mark_whole(topic.name, partition, is_whole=is_whole)

    async def accept(self, prompt: PromptSubmitted) -> None:
        """Step 1."""
        await self.intake.accept(prompt, GENEROUS)

    async def submit(self, prompt: PromptSubmitted) -> None:
        """Steps 1 to 3."""
        await self.accept(prompt)
        await self.publisher.submit(prompt)
        await self.intake.acknowledge(prompt.job_id)

    async def job(self, job_id: str) -> JobRecord:
        found = await record.read(self.scripts, job_id)
        assert found is not None
        return found

    async def ended(self, job_id: str) -> bool:
        return (await self.job(job_id)).ended

    async def known_and_ended(self, job_id: str) -> bool:
        """The same, where Redis may not know the job yet."""
        found = await record.read(self.scripts, job_id)
        return found is not None and found.ended

    async def all_ended(self, submitted: Iterable[PromptSubmitted], within_s: float = 90.0) -> None:
        """Wait until the end of each job is visible."""
        for each in submitted:
            await eventually(partial(self.ended, each.job_id), within_s=within_s, what=f"the end of {each.job_id}")

    async def shown(self, job_id: str) -> str:
        """The text that readers of the job's stream have."""
        return live.text_of(await live.entries_after(self.scripts, job_id))

    async def check_one_visible_result_each(self, place: Workshop, submitted: Iterable[PromptSubmitted]) -> "Log":
        """The first ending by offset is what Redis shows, and what readers of the stream have seen."""
        log = await asyncio.to_thread(answers, place.kafka)
        jobs = {each.job_id for each in submitted}
        assert set(log.first_by_job) == jobs
        for job_id in jobs:
            job, first = await self.job(job_id), log.first_by_job[job_id]
            assert isinstance(first, AnswerCompleted)
            assert (job.status, job.ending) == ("completed", first)
            entries = await live.entries_after(self.scripts, job_id)
            assert live.text_of(entries) == first.text
            assert [entry.kind for entry in entries].count("done") == 1
        return log


@dataclass(frozen=True)
class Log:
    """What a topic holds, read from its beginning to its end."""

    events: list[Any]

    @property
    def first_by_job(self) -> dict[str, Terminal]:
        """The visible ending of each job: the first by offset."""
        found: dict[str, Terminal] = {}
        for event in self.events:
            found.setdefault(event.job_id, event)
        return found

    @property
    def times_by_job(self) -> Counter[str]:
        return Counter(event.job_id for event in self.events)


def read_topic(settings: KafkaSettings, topic: Topic) -> Log:
    """All records of a topic, partition by partition in order."""
    consumer = kafka.consumer(settings, "reader")
    try:
        name = f"{settings.topic_prefix}{topic.name}"
        partitions = [TopicPartition(name, number) for number in range(topic.partitions)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        events: list[Any] = []
        while any(consumer.position(each) < ends[each] for each in partitions):
            for records in consumer.poll(timeout_ms=200).values():
                events += [codec.decode(topic, each.value) for each in records]
        return Log(events)
    finally:
        consumer.close()


def partition_of(prompt: PromptSubmitted) -> int:
    """Where in its lane a prompt goes."""
    topic = prompts(prompt.lane)
    return partitioning.of_prompt(prompt.tenant, prompt.conversation or prompt.job_id, topic.partitions)


def answers(settings: KafkaSettings) -> Log:
    return read_topic(settings, ANSWERS)


def dead_letters(settings: KafkaSettings) -> Log:
    return read_topic(settings, DEAD_LETTERS)
