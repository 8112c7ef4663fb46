"""Of the times at which queued jobs were told that they would start, how many held.

    python -m benchmarks.estimates --waves 6 --jobs 120

Everything is real and on this machine: Kafka, Redis, the timed model server, one worker of a few slots. Jobs of very
unequal lengths come in waves, so that the queue grows, shrinks and is empty in between. While they wait some of them,
drawn at random, are asked where they stand; in the end what each was told is held against when it started.
"""

import asyncio
import random
import secrets
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from infra.settings import RedisSettings
from producers.events import PromptSubmitted, Sampling
from producers.jobs.waiting import Outlook, places_of
from stream_workers.settings import WorkerSettings
from tests.support.builders import a_prompt
from tests.support.model_servers import model_server
from tests.support.stack import a_kafka, a_redis
from tests.support.workers import Hand, Workshop, workshop

SLOTS = 8
TOKEN_MS = 10.0
SHORTEST, LONGEST = 4, 200
ASKED_AT_ONCE = 5


@dataclass(frozen=True)
class Told:
    """What a job was told at one moment, in ms of Redis' clock."""

    job_id: str
    now_ms: float
    position: int
    outlook: Outlook


@click.command()
@click.option("--waves", default=6, show_default=True, help="how often jobs come")
@click.option("--jobs", default=120, show_default=True, help="jobs of a wave")
@click.option("--seed", default=1, show_default=True, help="of lengths, pauses and whom is asked")
def main(waves: int, jobs: int, seed: int) -> None:
    """Measure and print how many intervals held."""
    folder = Path(tempfile.mkdtemp(prefix="headrace-estimates-"))
    broker, store = a_kafka(folder), a_redis(folder)
    broker.start()
    store.start()
    timed = ("--timed", "--first-token-ms", "20", "--token-ms", str(TOKEN_MS), "--answer-tokens", str(2 * LONGEST))
    try:
        with (
            model_server(*timed) as tgi,
            workshop(folder, broker.settings("bench."), RedisSettings(url=store.url), tgi.url) as place,
        ):
            place.start(WorkerSettings(name="w1", slots=SLOTS))
            told, started = asyncio.run(watched(place, random.Random(seed), waves, jobs))
    finally:
        store.stop()
        broker.stop()
    report(told, started)


async def watched(place: Workshop, rng: random.Random, waves: int, jobs: int) -> tuple[list[Told], dict[str, float]]:
    """What was told, and when each job started."""
    told: list[Told] = []
    async with Hand(place) as hand:
        prompts: list[PromptSubmitted] = []
        for _ in range(waves):
            wave = []
            for _ in range(jobs):
                wave.append(a_job(rng))
                await hand.submit(wave[-1])
            prompts += wave
            while await ask(hand, wave, rng, told):  # noqa: ASYNC110 # a client that asks now and then
                await asyncio.sleep(rng.expovariate(2))
        await hand.all_ended(prompts)
        records = [await hand.job(each.job_id) for each in prompts]
    return told, {each.job_id: each.times["started"] for each in records}


async def ask(hand: Hand, wave: Sequence[PromptSubmitted], rng: random.Random, told: list[Told]) -> int:
    """Ask some that wait where they stand; how many wait."""
    places = await places_of(hand.scripts, [(each.job_id, each.lane) for each in wave])
    waiting = [(prompt, place) for prompt, place in zip(wave, places, strict=True) if place is not None]
    for prompt, place in rng.sample(waiting, min(ASKED_AT_ONCE, len(waiting))):
        if place.outlook is not None:
            told.append(Told(prompt.job_id, place.now_ms, place.position, place.outlook))
    return len(waiting)


def a_job(rng: random.Random) -> PromptSubmitted:
    """As many short as long ones, by the logarithm."""
    tokens = round(SHORTEST * (LONGEST / SHORTEST) ** rng.random())
    sampling, now_ms = Sampling(max_tokens=tokens), time.time() * 1000
    return a_prompt(f"Tell me of {secrets.token_hex(4)}.", sampling=sampling, received_ms=now_ms)


def report(told: Sequence[Told], started: dict[str, float]) -> None:
    """The share that held, and how wide the intervals were."""
    for name, some in {
        "all": told,
        "next 10": [each for each in told if each.position <= 10],
        "behind them": [each for each in told if each.position > 10],
    }.items():
        waits = [started[each.job_id] - each.now_ms for each in some]
        held = sum(
            each.outlook.least_ms <= wait <= each.outlook.most_ms for each, wait in zip(some, waits, strict=True)
        )
        width = statistics.median((each.outlook.most_ms - each.outlook.least_ms) / 1000 for each in some)
        off = statistics.median(abs(wait - each.outlook.wait_ms) / 1000 for each, wait in zip(some, waits, strict=True))
        click.echo(
            f"{name}: {held / len(some):.1%} of {len(some)} intervals held, {width:.2f} s wide; the wait was"
            f" {statistics.median(waits) / 1000:.2f} s, {off:.2f} s off (medians)"
        )


if __name__ == "__main__":
    main()
