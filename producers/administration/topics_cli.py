"""`headrace topics`: create, list and check the topics of the log."""

import asyncio
import typing
from dataclasses import asdict

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from infra import stack_file
from infra.command_line import Group, json_option, print_json
from infra.errors import WrongTopic
from infra.screen import Screen
from infra.settings import KafkaSettings, LocalSettings, RedisSettings
from producers.log import topic_admin
from producers.log.topics import TOPICS, Topic
from producers.state import readers

DAY_MS = 86_400_000


@click.group(cls=Group)
def topics() -> None:
    """The topics of the log: what they are, and whether the broker has them as they should be.

    The broker is the one of HEADRACE_KAFKA__BOOTSTRAP_SERVERS, or else that of the stack running here.
    """


@topics.command(epilog="Example: headrace topics create")
@json_option("Print one object: `created` (names), and how many `there` were already.")
def create(as_json: bool) -> None:
    """Create the topics that are missing; run it as often as you like.

    What is there already is left as it is: partition counts are never changed in place, since keys would move to other
    partitions. A topic with too few partitions, or for records smaller than ours, is refused by name (exit code 1).
    """
    created = topic_admin.create(_settings())
    if as_json:
        print_json({"created": created, "there": len(TOPICS) - len(created)})
        return
    for name in created:
        click.echo(f"created {name}")
    click.echo(f"{len(created)} topics created, {len(TOPICS) - len(created)} were there already")


@topics.command(epilog="Example: headrace topics check")
@json_option("Print one array: of each difference `topic`, `what`, `wanted`, `found`, `grave`.")
def check(as_json: bool) -> None:
    """Compare the broker's topics with the contracts; exit code 1 when one differs.

    A difference is only told, never mended: partitions cannot be taken back, and other options may be the operator's
    own choice.
    """
    found = topic_admin.check(_settings())
    if as_json:
        print_json([asdict(each) for each in found])
    for each in () if as_json else found:
        click.secho(str(each), fg="red" if each.grave else "yellow")
    if found:
        raise WrongTopic(f"{len({each.topic for each in found})} topics are not as the contracts say")
    if not as_json:
        click.echo(f"all {len(TOPICS)} topics are as the contracts say")


@topics.command(name="list", epilog="Example: headrace topics list")
@json_option("Print one array: of each topic its contract.")
def list_(as_json: bool) -> None:
    """Show every topic: its events, its key, who writes and who reads it. Asks no broker."""
    if as_json:
        print_json([_plain(each) for each in TOPICS])
        return
    table = Table("topic", "events", "written by", "read by", box=SIMPLE_HEAD, padding=(0, 2, 1, 0))
    for each in TOPICS:
        about = f"[bold]{each.name}[/]\n{each.partitions} partitions by\n{each.key},\nkept: {kept(each)}"
        table.add_row(about, "\n".join(event_names(each)), "\n".join(each.written_by), "\n".join(each.read_by))
    Screen().print(table)


@topics.command(epilog="Example: headrace topics lag")
@json_option(
    "Print one array: of each partition `topic`, `partition`, `first`, `end`, `next` by reader, and what is `read`."
)
def lag(as_json: bool) -> None:
    """Show how many records each reader of a topic has not read yet; asks Kafka and Redis.

    In the JSON, everything before the offset `read` has been read by every reader; it is 0 where somebody reads who
    keeps no position (an export, a person).
    """
    stack = stack_file.read(LocalSettings.from_env())
    kafka_settings = stack_file.addressed(KafkaSettings.from_env(), stack)
    found = asyncio.run(readers.readings(kafka_settings, stack_file.addressed(RedisSettings.from_env(), stack)))
    if as_json:
        print_json([asdict(each) for each in found])
        return
    table = Table("topic", "records", "not read yet", box=SIMPLE_HEAD)
    for topic in dict.fromkeys(each.topic for each in found):
        here = [each for each in found if each.topic == topic]
        behind = {reader: sum(each.behind(reader) for each in here) for reader in here[0].next}
        told = ", ".join(f"{reader} {records:,}" for reader, records in behind.items())
        table.add_row(topic, f"{sum(each.end - each.first for each in here):,}", told)
    Screen().print(table)


def event_names(topic: Topic) -> list[str]:
    """Names of the events that are said on a topic, in order of declaration."""
    return [each.__name__ for each in typing.get_args(topic.events) or (topic.events,)]


def kept(topic: Topic) -> str:
    """How long a topic keeps its records, for a person."""
    return "newest of each key" if topic.compacted else f"{topic.retention_ms // DAY_MS} days"


def _plain(topic: Topic) -> dict[str, object]:
    return {**asdict(topic), "events": event_names(topic)}


def _settings() -> KafkaSettings:
    return stack_file.addressed(KafkaSettings.from_env(), stack_file.read(LocalSettings.from_env()))
