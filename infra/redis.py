"""Redis clients: settings in, client out, nothing else."""

import asyncio
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import TimeoutError as RedisTimeoutError

from infra.errors import Unavailable
from infra.settings import RedisSettings


def client(settings: RedisSettings, connections: int = 64) -> Redis:
    """A client for commands: bounded connections and waits, no hidden retries (a script may have run).

    Raises:
        Unavailable: no address is given.
    """
    pool = BlockingConnectionPool.from_url(
        _url(settings),
        **_credentials(settings),
        max_connections=connections,
        timeout=settings.timeout_s,
        socket_timeout=settings.timeout_s,
        socket_connect_timeout=settings.timeout_s,
        retry=Retry(NoBackoff(), 0),
        driver_info=None,  # else redis-py reads its own version from the disk for each connection
    )
    pool.connection_class = _heedful(pool.connection_class)
    pool.connection_kwargs["protocol"] = 3  # whatever the address says: what we read as it comes are maps
    return Redis.from_pool(pool)


def listener(settings: RedisSettings) -> Redis:
    """A client for one subscriber, which may wait for ever: it has its own connection and no read timeout.

    Raises:
        Unavailable: no address is given.
    """
    return Redis.from_url(
        _url(settings),
        **_credentials(settings),
        socket_timeout=None,
        socket_connect_timeout=settings.timeout_s,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
        driver_info=None,
        protocol=2,  # announcements are then plain replies, in order with the rest
    )


def _heedful(kind: type[AbstractConnection]) -> type[AbstractConnection]:
    """The same connection, but a command whose task is cancelled ends, at whatever moment that comes.

    redis-py bounds a write by `asyncio.wait_for`, which makes a task of it, and before Python 3.12 forgets a
    cancellation that comes in the turn in which the write is done (https://github.com/python/cpython/issues/86296): a
    loop would go on for ever. Here it is bounded by `asyncio.timeout`, and redis-py is told of no bound.
    """

    class Heedful(kind):  # type: ignore[valid-type, misc] # a class of the pool's choice: plain, TLS or a socket file
        socket_timeout: float | None

        async def send_packed_command(self, *args: Any, **options: Any) -> None:
            within_s, self.socket_timeout = self.socket_timeout, None
            try:
                async with asyncio.timeout(within_s):
                    await super().send_packed_command(*args, **options)
            except TimeoutError:
                raise RedisTimeoutError("redis took no command in time") from None
            finally:
                self.socket_timeout = within_s

    return Heedful


def _credentials(settings: RedisSettings) -> dict[str, Any]:
    """What does not stand in the address, which counts before it."""
    ours = {"password": settings.password} if settings.password else {}
    theirs = {"ssl_ca_certs": settings.ca_file} if settings.ca_file and settings.url.startswith("rediss:") else {}
    return ours | theirs


def _url(settings: RedisSettings) -> str:
    if not settings.url:
        raise Unavailable(
            "redis",
            f"{settings.variable('url')} is empty, and no stack runs here: `headrace up` starts one",
        )
    return settings.url
