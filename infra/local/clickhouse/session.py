"""One client's session of the engine: a current database, settings, temporary tables, and one statement at a time."""

import json
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

from infra.local.clickhouse.blocks import Columns
from infra.local.clickhouse.faults import UNKNOWN_EXCEPTION, UNKNOWN_SETTING, QueryFault
from infra.local.clickhouse.packets import Progress
from infra.local.clickhouse.requests import Setting

_CODE = re.compile(r"Code: (\d+)\. ")
_UNSET = "DEFAULT"
_TRIES = 3


class Given(Protocol):
    """A table that comes with a query."""

    name: str
    columns: Columns
    rows: int

    @property
    def path(self) -> Path:
        """The file with its rows."""


class EngineSession:
    """One client's session."""

    def __init__(self, connection: Any) -> None:
        self._session = connection
        self._applied: dict[str, str] = {}
        self._before: dict[str, str] = {}
        self._has_own_settings = False

    def close(self) -> None:
        """Drop what is under way, commit nothing."""
        self._session.close()

    def use(self, database: str) -> None:
        """Make it the session's database; a QueryFault where there is none of that name."""
        self.run(f"USE {_identifier(database)}")

    def apply(self, settings: Mapping[str, Setting]) -> list[str]:
        """Let the next statement run under exactly these settings.

        Returns:
            the names that the engine does not know and that are not important.
        """
        unknown = [name for name, each in settings.items() if not self._apply(name, each)]
        for name in self._applied.keys() - settings.keys():
            self._set(name, self._before.pop(name, _UNSET))
            del self._applied[name]
        return unknown

    def _apply(self, name: str, setting: Setting) -> bool:
        if self._applied.get(name) == setting.value:
            return True
        try:
            if self._has_own_settings and name not in self._applied:
                self._before[name] = self._setting(name)
            self._set(name, quoted(setting.value))
        except QueryFault as error:
            if error.code == UNKNOWN_SETTING and not setting.important:
                return False
            raise
        self._applied[name] = setting.value
        return True

    def _set(self, name: str, literal: str) -> None:
        self._query(f"SET {_name(name)} = {literal}", "Native")

    def _setting(self, name: str) -> str:
        return quoted(str(json_rows(self._session, f"SELECT toString(getSetting('{_name(name)}'))")[0][0]))

    def run(self, statement: str) -> bytes:
        """Run it to its end; the blocks of its result, if it has one, one after the other."""
        self._has_own_settings |= statement[:3].upper() == "SET"
        return self._query(statement, "Native")

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

    @contextmanager
    def telling(self, tell: Callable[[Progress], None]) -> Iterator[None]:
        """How far its statements are is told from time to time, in the thread that runs them."""
        self._session.set_progress_callback(lambda now: tell(_progress(now)))
        try:
            yield
        finally:
            self._session.set_progress_callback(None)

    @contextmanager
    def tables(self, given: Iterable[Given]) -> Iterator[None]:
        """Tables of this session alone, for a while, each with the rows of a file."""
        with ExitStack() as gone_after:
            for each in given:
                name = _identifier(each.name)
                self.run(f"CREATE TEMPORARY TABLE {name} ({structure(each.columns)}) ENGINE = Memory")
                gone_after.callback(self.run, f"DROP TEMPORARY TABLE {name}")
                if each.rows:
                    self.insert(f"INSERT INTO {name}", each.path)
            yield

    def closing_rows(self, select: str, columns: Columns) -> list[tuple[str, bytes]]:
        """The blocks of `totals` and `extremes`, where the SELECT has them.

        It is run again for them: in the Native format the engine writes none.
        """
        self._set("output_format_json_quote_denormals", "1")
        try:
            told = json.loads(self._query(select, "JSONCompact"))
        finally:
            self._set("output_format_json_quote_denormals", _UNSET)
        rows = {"totals": [told["totals"]] if "totals" in told else []}
        if extremes := told.get("extremes"):
            rows["extremes"] = [extremes["min"], extremes["max"]]
        return [(name, self._block(each, columns)) for name, each in rows.items() if each]

    def _block(self, rows: list[list[Any]], columns: Columns) -> bytes:
        lines = "\n".join(json.dumps(row) for row in rows)
        source = f"format(JSONCompactEachRow, {quoted(structure(columns))}, {quoted(lines)})"
        return self.run(f"SELECT * FROM {source}")  # noqa: S608 - quoted

    def columns(self, select: str) -> Columns:
        """Names and types of a SELECT's columns, without running it."""
        return [(row[0], row[1]) for row in json_rows(self._session, f"DESCRIBE TABLE ({select}\n)")]

    def existing(self, tables: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Those of the tables that there are."""
        names = json_rows(self._session, "SELECT database, name FROM system.tables")
        known = {(database, table) for database, table in names}
        return [each for each in tables if each in known]

    def insert(self, statement: str, spool: Path) -> None:
        """Insert the Native blocks of a file.

        By way of a file, as the engine's own streaming inserts keep what goes wrong at their end to themselves: a
        broken constraint loses every row without an error.
        """
        self.run(f"{statement} SELECT * FROM file({quoted(str(spool))}, Native)")  # noqa: S608 - the client's own words

    def _query(self, statement: str, form: str) -> bytes:
        return run(self._session, statement, form)


def run(connection: Any, statement: str, form: str) -> bytes:
    """The result of a statement in a format; a QueryFault where the engine refuses it."""
    try:
        return bytes(connection.query(statement, form).bytes())
    except RuntimeError as error:
        _forget_what_was_written(connection)
        raise _fault(error) from None


def _forget_what_was_written(connection: Any) -> None:
    """Ask for nothing: what a statement wrote before it failed, the engine puts in front of the next one's result."""
    for _ in range(_TRIES):
        try:
            connection.query("SELECT 1", "Null")
        except RuntimeError:
            continue  # whoever ended the statement may end this as well
        return


def json_rows(connection: Any, query: str) -> list[list[Any]]:
    """The rows of a query of ours."""
    rows: list[list[Any]] = json.loads(run(connection, query, "JSONCompact"))["data"]
    return rows


def _name(setting: str) -> str:
    """A setting's name, which has no quoted form."""
    if not re.fullmatch(r"\w+", setting):
        raise QueryFault(UNKNOWN_SETTING, f"Unknown setting {setting[:80]!r}")
    return setting


def structure(columns: Columns) -> str:
    """Names and types as a CREATE TABLE has them."""
    return ", ".join(f"{_identifier(name)} {kind}" for name, kind in columns)


def _identifier(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def _progress(now: Mapping[str, int]) -> Progress:
    return Progress(
        rows=now["read_rows"],
        read_bytes=now["read_bytes"],
        total_rows=now["total_rows_to_read"],
        written_rows=now["written_rows"],
        written_bytes=now["written_bytes"],
    )


def quoted(value: str) -> str:
    """As a literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _fault(error: RuntimeError) -> QueryFault:
    """The engine's error, by the code that its text begins with."""
    text = str(error)
    found = _CODE.search(text)
    if found is None:
        return QueryFault(UNKNOWN_EXCEPTION, text)
    return QueryFault(int(found[1]), text[found.end() :])
