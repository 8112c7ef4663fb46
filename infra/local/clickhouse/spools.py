"""Rows that a client sends, kept in files until they are whole.

Nothing reaches the engine before the client has sent everything: a client that leaves leaves no half.
"""

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from infra.local.clickhouse import packets
from infra.local.clickhouse.blocks import Block, Columns, columns_of, empty_block
from infra.local.clickhouse.channel import Channel
from infra.local.clickhouse.faults import NOT_ENOUGH_SPACE, TOO_LARGE, ProtocolFault
from infra.local.clickhouse.packets import Progress
from infra.local.clickhouse.session import EngineSession
from infra.local.clickhouse.statements import Statement

_MAX_TABLES = 100


@dataclass
class Spool:
    """The rows of one table, in the Native format."""

    name: str
    limit_bytes: int
    file: IO[bytes]
    columns: Columns = field(default_factory=list)
    rows: int = 0

    @property
    def path(self) -> Path:
        """Where they are."""
        return Path(self.file.name)

    @property
    def size_bytes(self) -> int:
        """How many bytes they are."""
        return self.file.tell()

    def add(self, block: Block) -> None:
        """Keep a block."""
        self.columns = self.columns or columns_of(block.native)
        self.rows += block.rows
        try:
            self.file.write(block.native if block.rows else b"")
            self.file.flush()
        except OSError as error:
            raise ProtocolFault(NOT_ENOUGH_SPACE, f"rows cannot be kept until they are whole: {error}") from None
        if self.size_bytes > self.limit_bytes:
            raise ProtocolFault(TOO_LARGE, f"more than {self.limit_bytes} bytes of rows at once")


@contextmanager
def external_tables(channel: Channel, folder: Path) -> Iterator[list[Spool]]:
    """The tables that a client sends after its query, up to the empty block that ends them."""
    tables: dict[str, Spool] = {}
    with ExitStack() as open_now:
        while True:
            name, block = channel.read_data()
            if not block.columns:
                break
            if name not in tables:
                if len(tables) == _MAX_TABLES:
                    raise ProtocolFault(TOO_LARGE, f"more than {_MAX_TABLES} external tables")
                tables[name] = open_now.enter_context(_spool(name or "_data", channel, folder))
            tables[name].add(block)
        yield list(tables.values())


def take_insert(
    channel: Channel,
    session: EngineSession,
    statement: Statement,
    folder: Path,
    listening: AbstractContextManager[None],
) -> None:
    """Take the rows of an INSERT and hand them over at once; `listening` is for when the engine has them."""
    columns = session.columns(statement.sample)
    channel.send(packets.table_columns())
    channel.send_block(empty_block(columns))
    with _spool("", channel, folder) as spool:
        while (block := channel.read_data()[1]).columns:
            spool.add(block)
        if spool.rows:
            with listening:
                session.insert(statement.text, spool.path)
        written = Progress(written_rows=spool.rows, written_bytes=spool.size_bytes)
        channel.send(written.packet() + packets.END_OF_STREAM)


@contextmanager
def _spool(name: str, channel: Channel, folder: Path) -> Iterator[Spool]:
    try:
        file = tempfile.NamedTemporaryFile(dir=folder, suffix=".native")  # noqa: SIM115 - closed below
    except OSError as error:
        raise ProtocolFault(NOT_ENOUGH_SPACE, f"no file for rows: {error}") from None
    with file:
        yield Spool(name, channel.limits.insert_bytes, file)
