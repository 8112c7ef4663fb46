"""The conversation with one client: hello, then queries and pings, one after the other."""

import logging
import select
import socket
import tempfile
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from infra.local.clickhouse import packets
from infra.local.clickhouse.engine import Engine, EngineSession
from infra.local.clickhouse.faults import (
    NOT_ENOUGH_SPACE,
    NOT_IMPLEMENTED,
    TOO_LARGE,
    UNEXPECTED_PACKET_FROM_CLIENT,
    UNKNOWN_COMPRESSION_METHOD,
    ClientGone,
    ProtocolFault,
    QueryFault,
)
from infra.local.clickhouse.statements import Statement, Way, read_statement
from infra.local.clickhouse.wire import Reader, string

_log = logging.getLogger(__name__)
# The Native format leaves the time zone out of DateTime, as for clients of 2017; ours want it.
_BARE_DATETIME = string("DateTime")


@dataclass(frozen=True)
class Limits:
    """How much a client may ask for, and how long it may be silent."""

    hello_s: float = 10.0
    packet_s: float = 300.0
    idle_s: float = 3600.0
    hello_bytes: int = 64 << 10
    query_bytes: int = 32 << 20
    block_bytes: int = 256 << 20
    insert_bytes: int = 2 << 30


class Connection:
    """One client's conversation, run in one thread from hello to its end."""

    def __init__(self, client: socket.socket, engine: Engine, limits: Limits) -> None:
        self._client = client
        self._engine = engine
        self._limits = limits
        self._reader = Reader(self._receive)

    def converse(self) -> None:
        """Serve the client until it leaves or cannot be followed; never raises for what a client does."""
        session = self._engine.open_session()
        try:
            self._greet(session)
            while True:
                self._serve_packet(session)
        except ProtocolFault as fault:
            _log.info("let a client go: %s", fault)
            self._send_last_word(fault)
        except ClientGone as gone:
            _log.debug("client %s", gone)
        finally:
            session.close()

    def _greet(self, session: EngineSession) -> None:
        self._client.settimeout(self._limits.hello_s)
        self._reader.begin_packet(self._limits.hello_bytes)
        if self._reader.varint() != packets.CLIENT_HELLO:
            raise ProtocolFault(UNEXPECTED_PACKET_FROM_CLIENT, "this port speaks ClickHouse's native protocol")
        hello = packets.read_hello(self._reader)
        try:
            session.use(hello.database or "default")
        except QueryFault as fault:
            raise ProtocolFault(fault.code, str(fault)) from None
        self._send(packets.hello(self._engine.version, self._engine.timezone))

    def _serve_packet(self, session: EngineSession) -> None:
        self._client.settimeout(self._limits.idle_s)
        self._reader.begin_packet(self._limits.query_bytes)
        number = self._reader.varint()
        self._client.settimeout(self._limits.packet_s)
        if number == packets.CLIENT_PING:
            self._send(packets.PONG)
        elif number == packets.CLIENT_QUERY:
            self._serve_query(session)
        elif number != packets.CLIENT_CANCEL:  # a cancel that comes after the end cancels nothing
            raise ProtocolFault(UNEXPECTED_PACKET_FROM_CLIENT, f"packet {number} where a query was expected")

    def _serve_query(self, session: EngineSession) -> None:
        query = packets.read_query(self._reader)
        if query.compressed:
            raise ProtocolFault(
                UNKNOWN_COMPRESSION_METHOD, "the embedded ClickHouse takes no compression; connect without it"
            )
        self._refuse_external_tables()
        try:
            statement = read_statement(query.text, self._engine.formats)
            for name in session.apply(query.settings):
                _log.warning("setting %s is unknown to the engine and left out", name)
            self._run(session, statement)
        except QueryFault as fault:
            self._send(packets.exception(fault.code, str(fault)))

    def _refuse_external_tables(self) -> None:
        table, block = self._read_data()
        if table or block.columns:
            raise ProtocolFault(NOT_IMPLEMENTED, "external tables are not taken by the embedded ClickHouse")

    def _run(self, session: EngineSession, statement: Statement) -> None:
        match statement.way:
            case Way.STREAM:
                self._send_result(_streamed(session, statement.text))
            case Way.WHOLE:
                self._send_result(_listed(session.run(statement.text)))
            case Way.INSERT:
                self._take_insert(session, statement)

    def _send_result(self, blocks: Generator[tuple[bytes, int]]) -> None:
        count = rows = size = 0
        with closing(blocks):  # a client that leaves or cancels ends its query with it
            for native, block_rows in blocks:
                self._send(packets.data(native))
                count, rows, size = count + bool(block_rows), rows + block_rows, size + len(native)
                if self._cancelled():
                    break
        self._send(packets.profile(rows, count, size) + packets.END_OF_STREAM)

    def _take_insert(self, session: EngineSession, statement: Statement) -> None:
        """Nothing reaches the engine before the client has sent everything: a client that leaves leaves no half."""
        columns = session.columns(statement.sample)
        self._send(packets.table_columns() + packets.data(packets.empty_block(columns)))
        try:
            with tempfile.NamedTemporaryFile(dir=self._engine.spool_dir, suffix=".native") as spool:
                rows = self._spool_blocks(spool)
                spool.flush()
                if rows:
                    session.insert(statement.text, Path(spool.name))
                self._send(packets.written(rows, spool.tell()) + packets.END_OF_STREAM)
        except OSError as error:
            raise ProtocolFault(NOT_ENOUGH_SPACE, f"an insert cannot be kept until it is whole: {error}") from None

    def _spool_blocks(self, spool: IO[bytes]) -> int:
        rows = 0
        while (block := self._read_data()[1]).columns:
            spool.write(block.native if block.rows else b"")
            rows += block.rows
            if spool.tell() > self._limits.insert_bytes:
                raise ProtocolFault(TOO_LARGE, f"an insert of more than {self._limits.insert_bytes} bytes")
        return rows

    def _read_data(self) -> tuple[str, packets.Block]:
        self._reader.begin_packet(self._limits.block_bytes)
        number = self._reader.varint()
        if number == packets.CLIENT_CANCEL:
            raise ClientGone("cancelled its insert")
        if number != packets.CLIENT_DATA:
            raise ProtocolFault(UNEXPECTED_PACKET_FROM_CLIENT, f"packet {number} where a block was expected")
        return packets.read_data(self._reader)

    def _cancelled(self) -> bool:
        """Whether the client has cancelled; raises where it has left instead."""
        if not self._reader.has_buffered and not select.select([self._client], [], [], 0)[0]:
            return False
        self._reader.begin_packet(self._limits.hello_bytes)
        number = self._reader.varint()
        if number != packets.CLIENT_CANCEL:
            raise ProtocolFault(UNEXPECTED_PACKET_FROM_CLIENT, f"packet {number} in the middle of a result")
        return True

    def _receive(self, count: int) -> bytes:
        try:
            return self._client.recv(count)
        except OSError as error:
            raise ClientGone(f"is gone: {error}") from None

    def _send(self, data: bytes) -> None:
        try:
            self._client.sendall(data)
        except OSError as error:
            raise ClientGone(f"is gone: {error}") from None

    def _send_last_word(self, fault: ProtocolFault) -> None:
        try:
            self._send(packets.exception(fault.code, str(fault)))
        except ClientGone:
            pass  # it did not wait for an explanation


def _streamed(session: EngineSession, select_text: str) -> Generator[tuple[bytes, int]]:
    """The blocks of a SELECT, as a server sends them: first names and types alone, then the rows."""
    with closing(session.stream(select_text)) as blocks:
        first = next(blocks, None)
        if first is not None and (columns := _columns_of(first[0])):
            yield packets.empty_block(columns), 0
            yield first
            yield from blocks
            return
    # A session does one thing at a time: only now can it be asked for the columns.
    columns = session.columns(select_text)
    yield packets.empty_block(columns), 0
    if first is not None:
        with closing(session.stream(select_text)) as blocks:
            yield from ((_with_types(native, columns), rows) for native, rows in blocks)


def _listed(native: bytes) -> Generator[tuple[bytes, int]]:
    """The blocks of anything else that has a result."""
    for number, block in enumerate(packets.blocks_in(native)):
        if not number:
            yield packets.empty_block(packets.columns_of(block.native)), 0
        yield block.native, block.rows


def _columns_of(native: bytes) -> list[tuple[str, str]] | None:
    """A block's columns, where it can be trusted to name them right."""
    if _BARE_DATETIME in native:
        return None
    try:
        return packets.columns_of(native)
    except ProtocolFault:
        return None


def _with_types(native: bytes, columns: list[tuple[str, str]]) -> bytes:
    try:
        return packets.with_types(native, [kind for _, kind in columns])
    except ProtocolFault:
        return native
