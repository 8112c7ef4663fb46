"""Batches of Redis commands, each one write and one wait, on connections of a client's pool that are kept at hand."""

import asyncio
import math
from collections.abc import Sequence
from typing import Any

import hiredis
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

Command = tuple[Any, ...]
"""Its name and arguments: texts, bytes and numbers."""


def pack(command: Command) -> bytes:
    """The command as it goes over the wire.

    Raises:
        TypeError: an argument is none of these.
        UnicodeEncodeError: a text is no Unicode.
    """
    packed: bytes = hiredis.pack_command(command)
    return packed


class Line:
    """Sends batches one after the other or side by side; a batch that breaks off takes its connection with it.

    A pipeline of the library's does the same, but asks the pool anew for each batch and sets a clock for each answer:
    twice the work of a batch of one.
    """

    def __init__(self, client: Redis, timeout_s: float) -> None:
        self._pool: Any = client.connection_pool
        self._timeout_s = timeout_s
        self._idle: list[AbstractConnection] = []

    async def exchange(self, packed: Sequence[bytes]) -> list[Any]:
        """The answer to each command, or the ResponseError that it was refused with.

        Raises:
            RedisError: Redis does not answer; any of the commands may have run.
            OSError: the same.
        """
        connection = await self._connected()
        try:
            async with asyncio.timeout(self._timeout_s):
                await connection.send_packed_command(b"".join(packed))
                return [await _answer(connection) for _ in packed]
        except TimeoutError:
            raise RedisTimeoutError("redis did not answer in time") from None
        finally:
            self._idle.append(connection)

    async def _connected(self) -> AbstractConnection:
        if not self._idle:
            made: AbstractConnection = await self._pool.get_connection()
            return made
        connection = self._idle.pop()
        try:
            await self._pool.ensure_connection(connection)
        except BaseException:
            self._idle.append(connection)
            raise
        return connection


async def _answer(connection: AbstractConnection) -> Any:
    try:
        # No clock of its own: the batch has one. Whatever else goes wrong, the library hangs up.
        return await connection.read_response(timeout=math.inf)
    except ResponseError as refused:
        return refused
