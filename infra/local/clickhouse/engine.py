"""The engine: one for the process, and one session of it for each client.

A session has its own current database and settings and may run beside the others; the engine itself is safe to use from
many threads, and lets go of Python's lock while it works. A session belongs to one thread at a time.
"""

import json
import re
import shutil
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from chdb import session as chdb_session

from infra.errors import CannotStart
from infra.local.clickhouse.embedded import ADVICE, PART
from infra.local.clickhouse.faults import UNKNOWN_EXCEPTION, UNKNOWN_SETTING, QueryFault
from infra.local.clickhouse.packets import Setting

_CODE = re.compile(r"Code: (\d+)\. ")
_UNSET = "DEFAULT"
_Session: Any = chdb_session.Session  # carries no types


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
            self._control = _Session(str(data_dir))
        except (RuntimeError, OSError) as error:
            raise CannotStart(PART, f"no engine on {data_dir}: {error}", advice=ADVICE) from None
        # Only now is the directory ours; what lies there was never acknowledged.
        shutil.rmtree(self.spool_dir, ignore_errors=True)
        self.spool_dir.mkdir()
        self.version = self._version()
        self.timezone = self._one("SELECT timezone()")
        self.formats = frozenset(row[0] for row in self._rows("SELECT name FROM system.formats"))

    def open_session(self) -> "EngineSession":
        """A session for one client."""
        return EngineSession(_Session(str(self._data_dir)))

    def interrupt(self) -> None:
        """End every query that runs, as soon as it looks up."""
        self._control.query("KILL QUERY WHERE query_id != queryID() ASYNC")

    def close(self) -> None:
        """Let the directory go; all sessions must be closed."""
        self._control.close()

    def _version(self) -> tuple[int, int, int]:
        major, minor, patch = (int(part) for part in self._one("SELECT version()").split(".")[:3])
        return major, minor, patch

    def _one(self, query: str) -> str:
        return str(self._rows(query)[0][0])

    def _rows(self, query: str) -> list[list[Any]]:
        return _json_rows(self._control, query)


class EngineSession:
    """One client's session."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._applied: dict[str, str] = {}

    def close(self) -> None:
        """Drop what is under way, commit nothing."""
        self._session.close()

    def use(self, database: str) -> None:
        """Make it the session's database; a QueryFault where there is none of that name."""
        name = database.replace("\\", "\\\\").replace("`", "\\`")
        self.run(f"USE `{name}`")

    def apply(self, settings: Mapping[str, Setting]) -> list[str]:
        """Let the next statement run under exactly these settings.

        Returns:
            the names that the engine does not know and that are not important.
        """
        unknown = [name for name, each in settings.items() if not self._apply(name, each)]
        for name in self._applied.keys() - settings.keys():
            self.run(f"SET {_name(name)} = {_UNSET}")
            del self._applied[name]
        return unknown

    def _apply(self, name: str, setting: Setting) -> bool:
        if self._applied.get(name) == setting.value:
            return True
        try:
            self.run(f"SET {_name(name)} = {_quoted(setting.value)}")
        except QueryFault as error:
            if error.code == UNKNOWN_SETTING and not setting.important:
                return False
            raise
        self._applied[name] = setting.value
        return True

    def run(self, statement: str) -> bytes:
        """Run it to its end; the blocks of its result, if it has one, one after the other."""
        try:
            return bytes(self._session.query(statement, "Native").bytes())
        except RuntimeError as error:
            raise _fault(error) from None

    def stream(self, statement: str) -> Generator[tuple[bytes, int]]:
        """Run a SELECT; its blocks as they come, each with its number of rows.

        Closing the iterator early cancels the query.
        """
        try:
            with self._session.send_query(statement, "Native") as result:
                for chunk in result:
                    yield bytes(chunk.bytes()), chunk.rows_read()
        except RuntimeError as error:
            raise _fault(error) from None

    def columns(self, select: str) -> list[tuple[str, str]]:
        """Names and types of a SELECT's columns, without running it."""
        try:
            return [(row[0], row[1]) for row in _json_rows(self._session, f"DESCRIBE TABLE ({select}\n)")]
        except RuntimeError as error:
            raise _fault(error) from None

    def insert(self, statement: str, spool: Path) -> None:
        """Insert the Native blocks of a file.

        By way of a file, as the engine's own streaming inserts keep what goes wrong at their end to themselves: a
        broken constraint loses every row without an error.
        """
        self.run(f"{statement} SELECT * FROM file({_quoted(str(spool))}, Native)")  # noqa: S608 - the client's own words


def _json_rows(session: Any, query: str) -> list[list[Any]]:
    rows: list[list[Any]] = json.loads(session.query(query, "JSONCompact").bytes())["data"]
    return rows


def _name(setting: str) -> str:
    """A setting's name, which has no quoted form."""
    if not re.fullmatch(r"\w+", setting):
        raise QueryFault(UNKNOWN_SETTING, f"Unknown setting {setting[:80]!r}")
    return setting


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _fault(error: RuntimeError) -> QueryFault:
    """The engine's error, by the code that its text begins with."""
    text = str(error)
    found = _CODE.search(text)
    if found is None:
        return QueryFault(UNKNOWN_EXCEPTION, text)
    return QueryFault(int(found[1]), text[found.end() :])
