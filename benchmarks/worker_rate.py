"""Jobs a second from the prompts topic to the acknowledged answer, on one worker process.

    python -m benchmarks.worker_rate --jobs 8000 --slots 32

Everything is real and on this machine: Kafka, Redis, the timed model server (an answer takes 20 ms), one worker. The
prompts lie in the log before the worker starts; the rate is taken between the first and the last tenth of the answers,
by the broker's timestamps. The limit is slots / 20 ms.
"""

import asyncio
import secrets
import tempfile
from pathlib import Path

import click
from kafka import TopicPartition

from infra import kafka as kafka_clients
from infra.settings import KafkaSettings, RedisSettings
from producers.log.codec import encode
from producers.log.topics import ANSWERS, prompts
from stream_workers.settings import WorkerSettings
from tests.support.builders import a_prompt
from tests.support.model_servers import model_server
from tests.support.stack import a_kafka, a_redis
from tests.support.topics import a_raw_producer
from tests.support.workers import Hand, Workshop, partition_of, workshop

ANSWER_MS = 20.0


@click.command()
@click.option("--jobs", default=8000, show_default=True, help="prompts in the log before the worker starts")
@click.option("--slots", default=32, show_default=True, help="prompts generated at the same time")
@click.option("--tokens", default=4, show_default=True, help="tokens of an answer, spread over its 20 ms")
@click.option("--program", multiple=True, help="run the worker by this instead of `-m infra.cli`: for profilers")
def main(jobs: int, slots: int, tokens: int, program: tuple[str, ...]) -> None:
    """Measure and print the rate."""
    folder = Path(tempfile.mkdtemp(prefix="headrace-rate-"))
    broker, store = a_kafka(folder), a_redis(folder)
    broker.start()
    store.start()
    every_ms = ANSWER_MS / tokens
    timed = (
        "--timed", "--first-token-ms", str(every_ms), "--token-ms", str(every_ms), "--answer-tokens", str(tokens - 1),
        "--max-concurrent-requests", "10000",
    )  # fmt: skip
    try:
        with (
            model_server(*timed) as tgi,
            workshop(folder, broker.settings("bench."), RedisSettings(url=store.url), tgi.url) as place,
        ):
            asyncio.run(fill(place, jobs))
            settings = WorkerSettings(name="w1", slots=slots)
            worker = place.start(settings, program=program)
            started_s = cpu_s(worker.process.pid)
            stamps = read_stamps(place.kafka, jobs)
            busy_s = cpu_s(worker.process.pid) - started_s
            worker.terminate()
    finally:
        store.stop()
        broker.stop()
    stamps.sort()
    first, last = stamps[jobs // 10], stamps[jobs * 9 // 10]
    rate = (jobs * 8 // 10) / ((last - first) / 1000)
    click.echo(
        f"{rate:.0f} jobs/s of {slots * 1000 / ANSWER_MS:.0f} possible; worker CPU {busy_s / jobs * 1e3:.2f} ms a job"
    )


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def fill(place: Workshop, jobs: int) -> None:
    """The jobs are accepted, and their prompts in the log."""
    topic = prompts("standard")
    producer = a_raw_producer(place.kafka)
    async with Hand(place) as hand:
        for number in range(jobs):
            prompt = a_prompt(f"Tell me about the number {number}, {secrets.token_hex(4)}.", tenant=f"t{number % 8}")
            await hand.accept(prompt)
            producer.send(f"{place.kafka.topic_prefix}{topic.name}", encode(prompt), partition=partition_of(prompt))
    producer.flush()
    producer.close()


def read_stamps(settings: KafkaSettings, jobs: int) -> list[int]:
    """The broker's times of the answers, once all are there."""
    consumer = kafka_clients.consumer(settings, "rate")
    consumer.assign([TopicPartition(f"{settings.topic_prefix}{ANSWERS.name}", n) for n in range(ANSWERS.partitions)])
    stamps: list[int] = []
    while len(stamps) < jobs:
        for records in consumer.poll(timeout_ms=500).values():
            stamps += [each.timestamp for each in records]
    consumer.close()
    return stamps


if __name__ == "__main__":
    main()
