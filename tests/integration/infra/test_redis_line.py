"""Batches of commands on connections that are kept: whatever breaks one off, the next gets its own answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from infra import redis
from infra.redis_line import Command, Line, pack
from infra.settings import RedisSettings
from tests.support.eventually import eventually

SLOW = ("EVAL", "for _ = 1, 1e8 do end return 'late'", 0)


def packed(*commands: Command) -> list[bytes]:
    """A batch as it goes over the wire."""
    return [pack(each) for each in commands]


@pytest.fixture
async def client(redis_settings: RedisSettings) -> AsyncIterator[Redis]:
    made = redis.client(redis_settings)
    yield made
    await made.aclose()


async def test_a_refused_command_spoils_no_other_of_its_batch(client: Redis) -> None:
    line = Line(client, 5.0)

    first, refused, last = await line.exchange(packed(("ECHO", "a"), ("EVAL", "no script", 0), ("ECHO", 7)))

    assert (first, last) == (b"a", b"7")
    assert isinstance(refused, ResponseError)


async def test_batches_go_on_one_connection_unless_they_are_sent_side_by_side(client: Redis) -> None:
    line = Line(client, 5.0)
    ask = packed(("CLIENT", "ID"))

    in_turn = [(await line.exchange(ask))[0] for _ in range(3)]
    side_by_side = await asyncio.gather(line.exchange(ask), line.exchange(ask))

    assert len(set(in_turn)) == 1
    assert len({each for (each,) in side_by_side}) == 2


async def test_after_a_batch_that_broke_off_answers_are_those_that_were_asked_for(client: Redis) -> None:
    line = Line(client, 0.05)
    with pytest.raises(RedisTimeoutError):
        await line.exchange(packed(SLOW, ("ECHO", "before")))
    cancelled = asyncio.create_task(line.exchange(packed(("ECHO", "never read"))))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.wait([cancelled])

    async def answers() -> bool:
        try:
            return await line.exchange(packed(("ECHO", "after"))) == [b"after"]
        except (RedisTimeoutError, OSError):
            return False

    await eventually(answers)


async def test_a_connection_that_redis_closed_costs_one_batch_at_most(client: Redis) -> None:
    line = Line(client, 5.0)
    (ours,) = await line.exchange(packed(("CLIENT", "ID")))
    await client.client_kill_filter(_id=ours)

    # Whether we hear of the end before or after we write is the network's affair.
    with suppress(RedisConnectionError):
        await line.exchange(packed(("ECHO", "first")))

    assert await line.exchange(packed(("ECHO", "second"))) == [b"second"]


async def test_maps_are_told_as_such_whatever_the_address_says(redis_settings: RedisSettings) -> None:
    client = redis.client(replace(redis_settings, url=f"{redis_settings.url}?protocol=2"))
    key = f"{redis_settings.prefix}hash"

    _, found = await Line(client, 5.0).exchange(packed(("HSET", key, "a", 1), ("HGETALL", key)))

    assert found == {b"a": b"1"}
    await client.aclose()
