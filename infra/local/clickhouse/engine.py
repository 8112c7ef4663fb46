"""The engine: one for the process, and one session of it for each client.

A session has its own current database and settings and may run beside the others; the engine itself is safe to use from
many threads, and lets go of Python's lock while it works. A session belongs to one thread at a time.
"""

import logging
import shutil
import threading
from pathlib import Path
from typing import Any

import chdb

from infra.errors import CannotStart
from infra.local.clickhouse.embedded import ADVICE, PART
from infra.local.clickhouse.faults import QueryFault
from infra.local.clickhouse.session import EngineSession, json_rows, run

_log = logging.getLogger(__name__)
_connect: Any = chdb.connect  # carries no types


class Engine:
    """The embedded ClickHouse engine on its directory."""

    def __init__(self, data_dir: Path) -> None:
        """Start it.

        Raises:
            CannotStart: another process has the directory, or it cannot be written.
        """
        self._data_dir = data_dir
        self.spool_dir = data_dir / "spool"
        try:
            data_dir.mkdir(parents=True, exist_ok=True)
            self._control = _connect(str(data_dir))
            # Asked by the clients' threads, by the one that listens to them and by whoever stops the server; held for
            # one short query, during which no other lock is taken.
            self._control_is_free = threading.Lock()
        except (RuntimeError, OSError) as error:
            raise CannotStart(PART, f"no engine on {data_dir}: {error}", advice=ADVICE) from None
        # Only now is the directory ours; what lies there was never acknowledged.
        shutil.rmtree(self.spool_dir, ignore_errors=True)
        self.spool_dir.mkdir()
        self.version = self._version()
        self.timezone = self._one("SELECT timezone()")
        self.formats = frozenset(row[0] for row in self._rows("SELECT name FROM system.formats"))

    def open_session(self) -> EngineSession:
        """A session for one client."""
        session = EngineSession(_connect(str(self._data_dir)))
        session.run("SET implicit_select = 0")  # what a shell may leave out; a server takes no expression for a query
        return session

    def interrupt(self) -> None:
        """End every query that runs, as soon as it looks up."""
        with self._control_is_free:
            run(self._control, "KILL QUERY WHERE query_id != queryID() ASYNC", "Null")

    def kill(self, thread: int) -> None:
        """End what that thread of ours asks of the engine, if it asks anything."""
        try:
            with self._control_is_free:
                run(self._control, f"KILL QUERY WHERE has(thread_ids, {thread}) ASYNC", "Null")
        except QueryFault:
            _log.warning("a query that nobody wants goes on", exc_info=True)

    def query_of(self, thread: int) -> str | None:
        """The engine's own id of the query that a thread of ours waits for."""
        found = self._rows(f"SELECT query_id FROM system.processes WHERE has(thread_ids, {thread})")  # noqa: S608
        return str(found[0][0]) if found else None

    def close(self) -> None:
        """Let the directory go; all sessions must be closed."""
        with self._control_is_free:
            self._control.close()

    def _version(self) -> tuple[int, int, int]:
        major, minor, patch = (int(part) for part in self._one("SELECT version()").split(".")[:3])
        return major, minor, patch

    def _one(self, query: str) -> str:
        return str(self._rows(query)[0][0])

    def _rows(self, query: str) -> list[list[Any]]:
        with self._control_is_free:
            return json_rows(self._control, query)
