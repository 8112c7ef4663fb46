"""Redis clients: settings in, client out, nothing else."""

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from infra.errors import Unavailable
from infra.settings import RedisSettings


def client(settings: RedisSettings, connections: int = 64) -> Redis:
    """A client for commands: bounded connections and waits, no hidden retries (a script may have run).

    Raises:
        Unavailable: no address is given.
    """
    return Redis.from_pool(
        BlockingConnectionPool.from_url(
            _url(settings),
            max_connections=connections,
            timeout=settings.timeout_s,
            socket_timeout=settings.timeout_s,
            socket_connect_timeout=settings.timeout_s,
            retry=Retry(NoBackoff(), 0),
            driver_info=None,  # else redis-py reads its own version from the disk for each connection
        )
    )


def listener(settings: RedisSettings) -> Redis:
    """A client for one subscriber, which may wait for ever: it has its own connection and no read timeout.

    Raises:
        Unavailable: no address is given.
    """
    return Redis.from_url(
        _url(settings),
        socket_timeout=None,
        socket_connect_timeout=settings.timeout_s,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
        driver_info=None,
        protocol=2,  # announcements are then plain replies, in order with the rest
    )


def _url(settings: RedisSettings) -> str:
    if not settings.url:
        raise Unavailable("redis", f"{settings.variable('url')} is empty: no server is known")
    return settings.url
