"""An audit from its first question to its verdict: the log is read, then all who show something of it are asked."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Final

from infra import redis
from infra.clock import Clock
from infra.settings import KafkaSettings, RedisSettings
from producers.auditing import redis_witness
from producers.auditing.ledger import Ledger, Span
from producers.auditing.reading import PROMPTS, read_log
from producers.auditing.rules import MOST_SHOWN, judge
from producers.auditing.verdict import KINDS, Kind, Verdict
from producers.auditing.witnesses import OF_REDIS, READERS, asked, witness
from producers.log.topics import ANSWERS, BATCHES
from producers.state.readers import ReadPartition, readings
from producers.state.scripts import Scripts
from producers.state.setting_back import until_whole

PATIENCE_S: Final = 30.0
_LOOK_EVERY_S: Final = 0.25
_JOBS: Final = "SELECT job FROM prompts UNION SELECT job FROM endings ORDER BY 1"
_HOW_MANY: Final = "SELECT count(*) FROM (SELECT job FROM prompts UNION SELECT job FROM endings)"
_AUDITED: Final = {each.name for each in (*PROMPTS, ANSWERS, BATCHES)}

Tell = Callable[[str, int, int], None]
"""Told what is being done, how much of it, and how much there is."""


@dataclass(frozen=True)
class Question:
    """What an audit is to find out; `kinds` are the promises, `patience_s` is for readers of the log to catch up."""

    span: Span
    kinds: frozenset[Kind] = frozenset(KINDS)
    most_shown: int = MOST_SHOWN
    patience_s: float = PATIENCE_S


@dataclass(frozen=True)
class Found:
    """The verdict, and how many records of the log nobody can read."""

    verdict: Verdict
    unreadable: int


def examine(question: Question, kafka: KafkaSettings, redis_settings: RedisSettings, clock: Clock, tell: Tell) -> Found:
    """Audit; it blocks, so call it from a thread where a loop runs.

    Raises:
        Unavailable: a part that was to be asked does not answer, or Redis is being made anew.
    """
    with Ledger(question.span) as ledger, asyncio.Runner() as runner:

        def look() -> list[ReadPartition]:
            return runner.run(readings(kafka, redis_settings))

        # Before the end of `answers` is: what was acknowledged by then has its ending before it.
        _note(ledger, look(), ("worker",), kafka.topic_prefix)
        unreadable = read_log(kafka, ledger, lambda done, total: tell("reading the log", done, total))
        tell("waiting for those who read it", 0, 0)
        readers = [READERS[kind] for kind in READERS if kind in question.kinds]
        _note(ledger, _caught_up(ledger, look, readers, question, kafka.topic_prefix), readers, kafka.topic_prefix)
        whose = [READERS[kind] for kind in OF_REDIS if kind in question.kinds]
        runner.run(until_whole(kafka, redis_settings, question.patience_s, lambda _: None, whose))
        if "redis" in question.kinds:
            _ask_redis(ledger, runner, redis_settings, tell)
        for kind in (each for each in ("clickhouse", "webhooks") if each in question.kinds):
            tell(f"asking for {kind}", 0, 0)
            ledger.believe(witness(kind)(asked(ledger)))
        return Found(judge(ledger, clock.now_ms(), asked=question.kinds, most_shown=question.most_shown), unreadable)


def _note(ledger: Ledger, found: list[ReadPartition], readers: Iterable[str], prefix: str) -> None:
    for each in found:
        for reader in each.next.keys() & set(readers):
            ledger.stands(reader, each.topic.removeprefix(prefix), each.partition, each.next[reader])


def _caught_up(
    ledger: Ledger, look: Callable[[], list[ReadPartition]], readers: list[str], question: Question, prefix: str
) -> list[ReadPartition]:
    """Where the readers stand once they have read what the audit has, or when it will wait no longer."""
    after = {(topic, part): end for topic, part, end in ledger.ask("SELECT topic, partition, after FROM extents")}
    deadline_s = time.monotonic() + question.patience_s

    def is_behind(each: ReadPartition) -> bool:
        place = (each.topic.removeprefix(prefix), each.partition)
        ends = [each.next[reader] < after.get(place, 0) for reader in readers if reader in each.next]
        return place[0] in _AUDITED and any(ends)

    while True:
        found = look()
        if not any(map(is_behind, found)) or time.monotonic() > deadline_s:
            return found
        time.sleep(_LOOK_EVERY_S)


def _ask_redis(ledger: Ledger, runner: asyncio.Runner, settings: RedisSettings, tell: Tell) -> None:
    done, total = 0, ledger.one(_HOW_MANY)
    jobs = (str(job) for (job,) in ledger.ask(_JOBS))
    with _scripts(runner, settings) as scripts:
        while some := list(islice(jobs, redis_witness.AT_ONCE)):
            ledger.believe(runner.run(redis_witness.shown(scripts, some)))
            done += len(some)
            tell("asking for redis", done, total)


@contextmanager
def _scripts(runner: asyncio.Runner, settings: RedisSettings) -> Iterator[Scripts]:
    client = redis.client(settings)
    try:
        yield Scripts(client, settings)
    finally:
        runner.run(client.aclose())
