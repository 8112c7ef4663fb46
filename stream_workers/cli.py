"""The commands of the stream workers."""

import dataclasses
import functools

import click

from infra import service, stack_file
from infra.settings import KafkaSettings, LocalSettings, RedisSettings, TgiSettings
from producers.settings import ModerationSettings, PromptSettings
from stream_workers.inference.service import serve
from stream_workers.settings import WorkerSettings


@click.command(epilog="Example: headrace worker --slots 16")
@click.option(
    "--name", default="", help="this worker's name in its group; one that comes back under it resumes at once"
)
@click.option("--slots", type=click.IntRange(min=1), help="prompts generated at the same time")
def worker(name: str, slots: int | None) -> None:
    """Answer prompts: read them from Kafka, ask the model server, publish the answers.

    Runs until SIGTERM or Ctrl-C; what is being generated then may still end. Any number of workers share the prompts.
    """
    settings = WorkerSettings.from_env()
    settings = dataclasses.replace(settings, name=name or settings.name, slots=slots or settings.slots)
    stack = stack_file.read(LocalSettings.from_env())
    kafka = stack_file.addressed(KafkaSettings.from_env(), stack)
    redis = stack_file.addressed(RedisSettings.from_env(), stack)
    given = TgiSettings.from_env()
    tgi = stack_file.addressed(given, stack)
    work = functools.partial(
        serve,
        settings=settings,
        kafka=kafka,
        redis_=redis,
        tgi=tgi,
        moderation=ModerationSettings.from_env(),
        # Grammars are the model server's: who is given another one is told of its grammars, too.
        prompts=stack_file.shared(PromptSettings, None if stack_file.address_of(given) else stack),
    )
    service.run(work, name="worker")
