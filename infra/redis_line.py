"""A lean line to Redis for hot paths: one connection on which any number of commands are under way.

The `redis` package takes a connection from a pool, packs in Python and waits for each command by itself: about ten
times the work. Here a command is packed and its answer parsed in C (hiredis), and answers come in the order asked.
Nothing is ever asked twice: who meets `Unavailable` does not know whether the command ran.
"""

import asyncio
from collections import deque
from typing import Any

import hiredis
from redis.asyncio.connection import parse_url
from redis.exceptions import ResponseError

from infra.errors import Unavailable
from infra.settings import RedisSettings

Part = str | bytes | int | float


class _Connection(asyncio.Protocol):
    """The wire: answers meet their askers in order."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader(replyError=ResponseError)
        self._transport: asyncio.Transport | None = None
        self.waiting: deque[asyncio.Future[Any]] = deque()
        self.answered = 0
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")  # noqa: S101 # uvloop's own class
        self._transport = transport  # type: ignore[assignment]

    def ask(self, parts: tuple[Part, ...]) -> "asyncio.Future[Any]":
        """Send a command; its answer, a ResponseError included, is the future's result."""
        assert self._transport is not None  # noqa: S101 # asked only once connected
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._transport.write(hiredis.pack_command(parts))  # type: ignore[arg-type] # its stub knows 1-tuples only
        self.waiting.append(answer)
        return answer

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (told := self._reader.gets()) is not False:
            self.answered += 1
            answer = self.waiting.popleft()
            if not answer.done():
                answer.set_result(told)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        error = Unavailable("redis", f"the connection to redis is lost: {exc or 'closed'}")
        while self.waiting:
            if not (answer := self.waiting.popleft()).done():
                answer.set_exception(error)

    def close(self) -> None:
        """Hang up; whoever waits is told."""
        if self._transport is not None:
            self._transport.abort()


class Line:
    """One connection to Redis, made when first needed and again when it was lost."""

    def __init__(self, settings: RedisSettings) -> None:
        if not settings.url:
            raise Unavailable("redis", f"{settings.variable('url')} is empty: no server is known")
        self._address: dict[str, Any] = dict(parse_url(settings.url))
        self._timeout_s = settings.timeout_s
        self._connection: _Connection | None = None
        self._connecting = asyncio.Lock()
        self._watch: asyncio.TimerHandle | None = None
        self._seen = -1

    async def ask(self, *parts: Part) -> Any:
        """Ask one command.

        Raises:
            Unavailable: Redis does not answer; the command may have run.
            ResponseError: Redis refuses it.
        """
        connection = self._connection
        if connection is None or connection.closed:
            connection = await self._connect()
        answer = connection.ask(parts)
        if self._watch is None:
            self._look_after(connection)
        told = await answer
        if isinstance(told, ResponseError):
            raise told
        return told

    async def close(self) -> None:
        """Hang up."""
        if self._watch is not None:
            self._watch.cancel()
        if self._connection is not None:
            self._connection.close()
            await asyncio.sleep(0)

    async def _connect(self) -> _Connection:
        async with self._connecting:
            if self._connection is not None and not self._connection.closed:
                return self._connection
            try:
                async with asyncio.timeout(self._timeout_s):
                    connection = await self._dial()
            except (OSError, TimeoutError, ResponseError) as error:
                raise Unavailable("redis", f"redis cannot be reached: {error!r}") from error
            self._connection = connection
            return connection

    async def _dial(self) -> _Connection:
        loop, address = asyncio.get_running_loop(), self._address
        if path := address.get("path"):
            _, connection = await loop.create_unix_connection(_Connection, path)
        else:
            secure = "SSL" in getattr(address.get("connection_class"), "__name__", "") or None
            host, port = address.get("host", "localhost"), address.get("port", 6379)
            _, connection = await loop.create_connection(_Connection, host, port, ssl=secure)
        hello: list[tuple[Part, ...]] = []
        if password := address.get("password"):
            hello.append(("AUTH", *filter(None, (address.get("username"),)), password))
        if database := address.get("db"):
            hello.append(("SELECT", database))
        for parts in hello:
            if isinstance(told := await connection.ask(parts), ResponseError):
                connection.close()
                raise told
        return connection

    def _look_after(self, connection: _Connection) -> None:
        """Hang up on a Redis that has answered nothing for the time-out while somebody waits."""
        self._watch = None
        if connection.closed or not connection.waiting:
            return
        if connection.answered == self._seen:
            connection.close()
            return
        self._seen = connection.answered
        self._watch = asyncio.get_running_loop().call_later(self._timeout_s, self._look_after, connection)
