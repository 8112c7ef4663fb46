"""Dropping prompts from a log that has grown too large: only those that a worker is done with.

The broker itself may drop the oldest records of other topics by size; of prompts it must not, for one that nobody has
answered yet may be among them.
"""

from contextlib import closing
from typing import Any, Final

from infra import kafka
from infra.settings import KafkaSettings
from producers.events import LANES
from producers.topics import prompts

ANSWERED_BY: Final = "worker"
"""The consumer group that answers prompts."""


def drop_those_done(settings: KafkaSettings) -> dict[str, int]:
    """Let Kafka drop every prompt before the first that a worker has still to answer; by partition, that one's offset.

    Raises:
        KafkaError: the broker does not do it.
        Unavailable: it does not answer.
    """
    group = f"{settings.topic_prefix}{ANSWERED_BY}"
    topics = {f"{settings.topic_prefix}{prompts(lane).name}" for lane in LANES}
    with closing(kafka.admin(settings)) as admin:
        done: dict[Any, int] = {
            place: committed.offset
            for place, committed in admin.list_group_offsets(group)[group].items()
            if place.topic in topics and committed.offset > 0
        }
        if done:
            admin.delete_records(done)
    return {f"{place.topic}:{place.partition}": offset for place, offset in done.items()}
