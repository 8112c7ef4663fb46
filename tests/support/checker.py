"""The consistency checker: what the log says of some jobs, and whether all who follow it say the same.

Every accepted job has one visible ending, the first by offset in `answers`: the gateway shows it, ClickHouse has one
row of it, and the receiver got it under one webhook id.
"""

import asyncio
import json
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp
from clickhouse_driver import Client
from kafka import KafkaConsumer, TopicPartition

from producers.events import AnswerCompleted, Terminal, status_of
from producers.log import codec
from producers.log.topics import ANSWERS
from tests.support.receiver import Receiver
from tests.support.whole import Whole

Found = TypeVar("Found")

_PAUSE_S = 0.25
ENDED = {"completed", "failed", "cancelled", "aborted", "expired"}


@dataclass
class Outcome:
    """What became of the jobs; `faults` is empty when every promise was kept."""

    completed: int = 0
    published_again: int = 0
    faults: list[str] = field(default_factory=list)


async def check(
    service: Whole, client: aiohttp.ClientSession, receiver: Receiver, jobs: list[str], *, within_s: float
) -> Outcome:
    """Wait until every view of these jobs agrees with the log; what still differs after `within_s` is a fault."""
    deadline_s = time.monotonic() + within_s
    outcome = Outcome()
    shown = await settled(lambda: shown_by_gateway(client, jobs), deadline_s, lambda found: unended(found, jobs))
    log = await asyncio.to_thread(endings_in_log, service, set(jobs))
    outcome.completed = sum(1 for each in shown.values() if each["status"] == "completed")
    outcome.published_again = sum(len(endings) - 1 for endings in log.values())
    outcome.faults += unended(shown, jobs) + [f for job in jobs for f in differs_from_log(job, shown.get(job), log)]
    outcome.faults += await settled_faults(
        lambda: asyncio.to_thread(rows_in_clickhouse, service, jobs), deadline_s, lambda rows: wrong_rows(rows, jobs)
    )
    outcome.faults += await settled_faults(
        lambda: _now(webhook_ids(receiver)), deadline_s, lambda ids: wrong_webhooks(ids, jobs)
    )
    return outcome


async def settled(
    look: Callable[[], Awaitable[Found]], deadline_s: float, faults: Callable[[Found], list[str]]
) -> Found:
    """Look again and again until nothing is wrong or the time is over."""
    while True:
        found = await look()
        if not faults(found) or time.monotonic() > deadline_s:
            return found
        await asyncio.sleep(_PAUSE_S)


async def settled_faults(
    look: Callable[[], Awaitable[Any]], deadline_s: float, faults: Callable[[Any], list[str]]
) -> list[str]:
    """What is still wrong when the time is over."""
    return faults(await settled(look, deadline_s, faults))


async def _now(found: Any) -> Any:
    return found


async def shown_by_gateway(client: aiohttp.ClientSession, jobs: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The job objects that can be had just now."""
    shown = {}
    for job in jobs:
        try:
            async with client.get(f"/v1/jobs/{job}") as reply:
                if reply.status == 200:
                    shown[job] = await reply.json()
        except aiohttp.ClientConnectionError:
            return shown
    return shown


def unended(shown: dict[str, dict[str, Any]], jobs: Iterable[str]) -> list[str]:
    """Jobs that have no visible end."""
    return [
        f"{job} is {shown[job]['status']}" if job in shown else f"{job} is not shown"
        for job in jobs
        if job not in shown or shown[job]["status"] not in ENDED
    ]


def endings_in_log(service: Whole, jobs: set[str]) -> dict[str, list[Terminal]]:
    """The endings of each job, in the log's order."""
    consumer = KafkaConsumer(bootstrap_servers=service.stack["kafka"], enable_auto_commit=False)
    try:
        partitions = [TopicPartition(ANSWERS.name, number) for number in range(ANSWERS.partitions)]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        consumer.seek_to_beginning(*partitions)
        found: dict[str, list[Terminal]] = defaultdict(list)
        while any(consumer.position(each) < ends[each] for each in partitions):
            for records in consumer.poll(timeout_ms=200).values():
                for record in records:
                    ending = codec.decode(ANSWERS, record.value)
                    if ending.job_id in jobs:
                        found[ending.job_id].append(ending)
        return found
    finally:
        consumer.close()


def differs_from_log(job: str, shown: dict[str, Any] | None, log: dict[str, list[Terminal]]) -> list[str]:
    """Where the gateway shows something else than the first ending in the log."""
    if job not in log:
        return [f"{job} has no ending in the log"]
    first = log[job][0]
    if shown is None or shown["status"] != status_of(first):
        return [f"{job} is shown as {shown and shown['status']}, the log says {status_of(first)}"]
    if isinstance(first, AnswerCompleted) and shown["result"]["choices"][0]["message"]["content"] != first.text:
        return [f"{job} shows another answer than the log"]
    return []


def rows_in_clickhouse(service: Whole, jobs: list[str]) -> dict[str, int]:
    """Rows by job, as the reports count them."""
    client = Client.from_url(service.stack["clickhouse"])
    try:
        asked = "SELECT job_id, count() FROM answers FINAL WHERE job_id IN %(jobs)s GROUP BY job_id"
        return dict(client.execute(asked, {"jobs": jobs}))
    finally:
        client.disconnect()


def wrong_rows(rows: dict[str, int], jobs: Iterable[str]) -> list[str]:
    """Jobs without exactly one row."""
    return [f"{job} has {rows.get(job, 0)} rows" for job in jobs if rows.get(job) != 1]


def webhook_ids(receiver: Receiver) -> dict[str, Counter[str]]:
    """The webhook ids that arrived, by job, with how often each did."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for each in receiver.arrived:
        found[json.loads(each.body)["data"]["id"]][each.webhook_id] += 1
    return found


def wrong_webhooks(ids: dict[str, Counter[str]], jobs: Iterable[str]) -> list[str]:
    """Jobs whose end was not told under exactly one id."""
    return [f"{job} was told under {len(ids.get(job, ()))} webhook ids" for job in jobs if len(ids.get(job, ())) != 1]
