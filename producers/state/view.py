"""Whether Redis holds the state of all of the log: asked before anybody trusts it."""

from collections.abc import Sequence
from typing import Any

from infra.errors import Unavailable
from producers.events import (
    LANES,
)
from producers.log.topics import ANSWERS, BATCHES, CONVERSATIONS, DEAD_LETTERS, EMBEDDINGS, FILES, VIEWS, Topic, prompts
from producers.state.scripts import Scripts, asked

NAME = VIEWS["fanout"]
TOPICS: tuple[Topic, ...] = (
    *(prompts(lane) for lane in LANES), ANSWERS, CONVERSATIONS, FILES, BATCHES, EMBEDDINGS, DEAD_LETTERS,
)  # fmt: skip
"""What the state view follows."""
PARTITIONS = sum(topic.partitions for topic in TOPICS)
"""How many partitions must be whole before anybody trusts the view."""


async def is_whole(scripts: Scripts) -> bool:
    """Whether the state view has read all of the log up to its start-up marks.

    Raises:
        Unavailable: Redis does not answer.
    """
    return bool(await scripts.run("is_whole", NAME, PARTITIONS))


async def must_be_whole(scripts: Scripts) -> None:
    """Asked before a list is read from the view, and before something that it does not hold is said not to exist.

    Raises:
        Unavailable: Redis does not answer, or knows only a part of the log so far.
    """
    if not await is_whole(scripts):
        raise being_rebuilt()


async def fields_of(scripts: Scripts, jobs: Sequence[str], *fields: str) -> list[list[bytes | None]]:
    """Some fields of each of these jobs, of one moment at which the view was whole: what is None there is nowhere.

    Raises:
        Unavailable: Redis does not answer, or knows only a part of the log so far.
    """
    pipeline: Any = scripts.redis.pipeline(transaction=True)
    pipeline.eval(scripts.source("is_whole"), 0, scripts.prefix, NAME, PARTITIONS)
    for job in jobs:
        pipeline.hmget(f"{scripts.prefix}job:{job}", *fields)
    whole, *found = await asked(pipeline.execute())
    if not whole:
        raise being_rebuilt()
    return list(found)


def being_rebuilt() -> Unavailable:
    """What is said to who asks a view that has read only a part of the log."""
    return Unavailable("redis", "the state is being rebuilt from the log")


async def whole_partitions(scripts: Scripts) -> int:
    """How many of the state view's partitions have been read up to their start-up marks.

    Raises:
        Unavailable: Redis does not answer.
    """
    return int(await asked(scripts.redis.scard(f"{scripts.prefix}view:{NAME}:whole")))
