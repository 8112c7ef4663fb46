"""What the schedule has still to do, told to an audit."""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from infra import redis, stack_file
from infra.settings import LocalSettings, RedisSettings
from producers.auditing.statements import DeliveryShown
from producers.auditing.witnesses import Asked
from producers.state.scripts import Scripts
from producers.state.view import being_rebuilt
from stream_workers.webhooks.schedule import LIBRARY, PARTITIONS

AT_ONCE: Final = 200


def testify(question: Asked) -> Iterator[DeliveryShown]:
    """How each delivery that is asked about stands.

    Raises:
        Unavailable: Redis does not answer, or knows only a part of the log so far.
    """
    settings = stack_file.addressed(RedisSettings.from_env(), stack_file.read(LocalSettings.from_env()))
    return scheduled(settings, question.webhooks())


def scheduled(settings: RedisSettings, webhooks: Iterable[str]) -> Iterator[DeliveryShown]:
    """How each of these deliveries stands.

    Raises:
        Unavailable: Redis does not answer, or knows only a part of the log so far.
    """
    ids = iter(webhooks)
    with asyncio.Runner() as runner:
        client = redis.client(settings)
        try:
            while some := list(islice(ids, AT_ONCE)):
                yield from runner.run(_scheduled(Scripts(client, settings, LIBRARY), some))
        finally:
            runner.run(client.aclose())


async def _scheduled(scripts: Scripts, webhooks: list[str]) -> list[DeliveryShown]:
    found = await scripts.run("deliveries_stand", PARTITIONS, *webhooks)
    if found is None:
        raise being_rebuilt()
    return [DeliveryShown(each, state.decode()) for each, state in zip(webhooks, found, strict=True)]
