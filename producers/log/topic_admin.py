"""Topics on the broker: created as the contracts say, compared with them, and never changed in place."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from kafka import errors
from kafka.admin import ConfigResource, ConfigResourceType

from infra import kafka
from infra.errors import Unavailable, WrongTopic
from infra.settings import KafkaSettings
from producers.log.topics import TOPICS, Topic

_NO_ERROR: Final = 0
_LIMIT: Final = "max.message.bytes"
_BYTES: Final = "retention.bytes"

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Found:
    """A topic as the broker has it."""

    partitions: int
    options: dict[str, str]


@dataclass(frozen=True)
class Difference:
    """What the broker has otherwise than the contracts say; `grave` when events would be lost or misplaced."""

    topic: str
    what: str
    wanted: str
    found: str
    grave: bool

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.topic}: {self.what} should be {self.wanted} and is {self.found}"


def options(topic: Topic, replication_factor: int) -> dict[str, str]:
    """How the broker is to keep a topic."""
    return {
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "retention.ms": str(topic.retention_ms),
        # A limit of the broker's by size must not cut off what a reader has yet to read.
        _BYTES: "-1",
        _LIMIT: str(kafka.MAX_RECORD_BYTES),
        # The broker's time, not the writer's: retention must not hang on the clocks of others.
        "message.timestamp.type": "LogAppendTime",
        # An acknowledgement by "all in-sync replicas" says nothing where one alone may be in sync.
        "min.insync.replicas": str(max(1, replication_factor - 1)),
    }


def differences(topic: Topic, name: str, found: Found | None, replication_factor: int) -> Iterator[Difference]:
    """Where the broker's topic is not as the contract says."""
    if found is None:
        yield Difference(name, "the topic", "there", "missing", grave=True)
        return
    if found.partitions != topic.partitions:
        # With too few, records are refused; surplus ones only stay empty.
        too_few = found.partitions < topic.partitions
        yield Difference(name, "the number of partitions", str(topic.partitions), str(found.partitions), grave=too_few)
    for option, wanted in options(topic, replication_factor).items():
        if (is_ := found.options.get(option)) is not None and is_ != wanted:
            # A smaller limit refuses what we take for small enough, and each refusal costs what is sent beside it.
            too_small = option == _LIMIT and int(is_) < int(wanted)
            yield Difference(name, option, wanted, is_, grave=too_small or option == _BYTES)


def create(settings: KafkaSettings, topics: Sequence[Topic] = TOPICS) -> list[str]:
    """Create the topics that are missing and wait until they can be written; the names of those created.

    Raises:
        Unavailable: no broker answers, or the topics do not come up in time.
        WrongTopic: a topic is there already with fewer partitions or for smaller records, or cannot be created.
    """

    def work(admin: Any) -> list[str]:
        found = _describe(admin, [_name(settings, each) for each in topics])
        _refuse_too_few_partitions(settings, topics, found)
        _refuse_too_small_records(found)
        missing = {_name(settings, each): each for each in topics if _name(settings, each) not in found}
        if missing:
            _create(admin, missing, settings.replication_factor)
            admin.wait_for_topics(list(missing))
        return list(missing)

    return _asking(settings, work)


def check(settings: KafkaSettings, topics: Sequence[Topic] = TOPICS) -> list[Difference]:
    """Every difference between the broker's topics and the contracts.

    Raises:
        Unavailable: no broker answers.
    """

    def work(admin: Any) -> list[Difference]:
        found = _describe(admin, [_name(settings, each) for each in topics])
        return [
            difference
            for each in topics
            for name in (_name(settings, each),)
            for difference in differences(each, name, found.get(name), settings.replication_factor)
        ]

    return _asking(settings, work)


def _name(settings: KafkaSettings, topic: Topic) -> str:
    return f"{settings.topic_prefix}{topic.name}"


def _asking(settings: KafkaSettings, work: Callable[[Any], Answer]) -> Answer:
    try:
        with closing(kafka.admin(settings)) as admin:
            return work(admin)
    except errors.KafkaError as error:
        raise Unavailable("kafka", f"the broker at {settings.bootstrap_servers} did not do it: {error!r}") from error


def _describe(admin: Any, names: list[str]) -> dict[str, Found]:
    partitions = {
        each["name"]: len(each["partitions"])
        for each in admin.describe_topics(names)
        if each["error_code"] == _NO_ERROR
    }
    if not partitions:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in partitions]
    described = admin.describe_configs(resources, config_filter="all")["topic"]
    return {
        name: Found(count, {option: each["value"] for option, each in described[name].items()})
        for name, count in partitions.items()
    }


def _refuse_too_few_partitions(settings: KafkaSettings, topics: Sequence[Topic], found: dict[str, Found]) -> None:
    for topic in topics:
        name = _name(settings, topic)
        if name in found and found[name].partitions < topic.partitions:
            raise WrongTopic(
                f"the topic {name} has {found[name].partitions} partitions and needs {topic.partitions}; "
                "it is not changed in place, because keys would move: drain and delete it, or take another "
                f"{settings.variable('topic_prefix')}"
            )


def _refuse_too_small_records(found: dict[str, Found]) -> None:
    for name, each in found.items():
        limit_bytes = int(each.options.get(_LIMIT, kafka.MAX_RECORD_BYTES))
        if limit_bytes < kafka.MAX_RECORD_BYTES:
            raise WrongTopic(
                f"the topic {name} takes records of {limit_bytes} bytes and needs {kafka.MAX_RECORD_BYTES}: "
                f"raise its {_LIMIT} with kafka-configs"
            )


def _create(admin: Any, missing: dict[str, Topic], replication_factor: int) -> None:
    wanted = {
        name: {
            "num_partitions": topic.partitions,
            "replication_factor": replication_factor,
            "configs": options(topic, replication_factor),
        }
        for name, topic in missing.items()
    }
    answer = admin.create_topics(wanted, raise_errors=False)
    for each in answer["topics"]:
        # Two may create at the same time: who comes second finds what it wanted.
        if each["error_code"] not in {_NO_ERROR, errors.TopicAlreadyExistsError.errno}:
            reason = errors.for_code(each["error_code"]).__name__
            raise WrongTopic(f"the topic {each['name']} cannot be created: {reason}: {each.get('error_message')}")
