"""Asks ClickHouse off the event loop."""

import asyncio
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from infra import clickhouse
from infra.settings import ClickHouseSettings

SETTINGS = {
    # The account may be the one that ingest writes with.
    "readonly": 2,
    # No key of a table is in two of its partitions, so each of them can be deduplicated by itself.
    "do_not_merge_across_partitions_select_final": 1,
    # They are on times, and rows with one key may differ in those: the row that counts could be hidden, another shown.
    "use_skip_indexes_if_final": 0,
}

Answer = tuple[list[tuple[Any, ...]], list[tuple[str, str]]]
"""Rows, and names and types of their columns."""


class Reader:
    """A few threads, each with a client of its own.

    `unanswered` counts, by tenant, the queries that wait for a thread or have one: also that of an asker who has left,
    until its thread is done with it.
    """

    def __init__(self, settings: ClickHouseSettings, threads: int) -> None:
        self.unanswered: Counter[str] = Counter()
        self._settings = settings
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="reports")
        self._mine = threading.local()
        self._clients: list[Any] = []

    async def ask(self, sql: str, parameters: dict[str, Any], *, tenant: str = "") -> Answer:
        """Ask for a tenant, and wait for all rows; a query that nobody waits for any more is not begun.

        Raises:
            Unavailable: ClickHouse refused or does not answer.
        """
        loop = asyncio.get_running_loop()
        asked = self._pool.submit(self._ask, sql, parameters)
        self.unanswered[tenant] += 1
        asked.add_done_callback(lambda _: loop.call_soon_threadsafe(self._done, tenant))
        return await asyncio.wrap_future(asked)

    async def close(self) -> None:
        """End the threads and their clients."""
        await asyncio.to_thread(self._pool.shutdown)
        for client in self._clients:
            client.disconnect()

    def _done(self, tenant: str) -> None:
        self.unanswered[tenant] -= 1
        if not self.unanswered[tenant]:
            del self.unanswered[tenant]

    def _ask(self, sql: str, parameters: dict[str, Any]) -> Answer:
        client = getattr(self._mine, "client", None)
        if client is None:
            client = self._mine.client = clickhouse.client(self._settings)
            self._clients.append(client)
        try:
            rows, columns = client.execute(sql, parameters, with_column_types=True, settings=SETTINGS)
        except clickhouse.FAILURES as error:
            client.disconnect()
            raise clickhouse.unavailable(error) from None
        return rows, columns
