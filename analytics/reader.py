"""Asks ClickHouse off the event loop."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from infra import clickhouse
from infra.settings import ClickHouseSettings

# No key of a table is in two of its partitions, so each of them can be deduplicated by itself.
_SETTINGS = {"do_not_merge_across_partitions_select_final": 1}

Answer = tuple[list[tuple[Any, ...]], list[tuple[str, str]]]
"""Rows, and names and types of their columns."""


class Reader:
    """A few threads, each with a client of its own.

    `unanswered` counts the queries that somebody waits for.
    """

    def __init__(self, settings: ClickHouseSettings, threads: int) -> None:
        self.unanswered = 0
        self._settings = settings
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="reports")
        self._mine = threading.local()
        self._clients: list[Any] = []

    async def ask(self, sql: str, parameters: dict[str, Any]) -> Answer:
        """Ask, and wait for all rows; a query that nobody waits for any more is not begun.

        Raises:
            Unavailable: ClickHouse refused or does not answer.
        """
        self.unanswered += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._ask, sql, parameters)
        finally:
            self.unanswered -= 1

    async def close(self) -> None:
        """End the threads and their clients."""
        await asyncio.to_thread(self._pool.shutdown)
        for client in self._clients:
            client.disconnect()

    def _ask(self, sql: str, parameters: dict[str, Any]) -> Answer:
        client = getattr(self._mine, "client", None)
        if client is None:
            client = self._mine.client = clickhouse.client(self._settings)
            self._clients.append(client)
        try:
            rows, columns = client.execute(sql, parameters, with_column_types=True, settings=_SETTINGS)
        except clickhouse.FAILURES as error:
            client.disconnect()
            raise clickhouse.unavailable(error) from None
        return rows, columns
