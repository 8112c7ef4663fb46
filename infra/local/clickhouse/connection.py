"""The conversation with one client: hello, then queries and pings, one after the other."""

import logging
import socket

from infra.local.clickhouse import packets
from infra.local.clickhouse.channel import Channel, Limits
from infra.local.clickhouse.engine import Engine
from infra.local.clickhouse.faults import (
    AUTHENTICATION_FAILED,
    QUERY_WAS_CANCELLED,
    READONLY,
    UNEXPECTED_PACKET_FROM_CLIENT,
    UNKNOWN_QUERY_PARAMETER,
    Cancelled,
    ClientGone,
    ProtocolFault,
    QueryFault,
)
from infra.local.clickhouse.requests import Query, read_hello, read_query, read_tables_status
from infra.local.clickhouse.results import send_result
from infra.local.clickhouse.running import Running
from infra.local.clickhouse.session import EngineSession
from infra.local.clickhouse.spools import Spool, external_tables, take_insert
from infra.local.clickhouse.statements import Way, read_statement, with_engine_ids

_log = logging.getLogger(__name__)
_USER = "default"
_TLS_HANDSHAKE = 0x16
_HTTP = frozenset(b"GPHDO")  # GET, POST, PUT, HEAD, DELETE, OPTIONS
_NOT_HTTP = (
    b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
    b"This port speaks ClickHouse's native protocol, for clients such as clickhouse-driver.\r\n"
    b"The embedded ClickHouse has no HTTP interface.\r\n"
)


class Connection:
    """One client's conversation, run in one thread from hello to its end."""

    def __init__(self, client: socket.socket, engine: Engine, running: Running, limits: Limits) -> None:
        self._channel = Channel(client, limits)
        self._engine = engine
        self._running = running

    def converse(self) -> None:
        """Serve the client until it leaves or cannot be followed; never raises for what a client does."""
        session = self._engine.open_session()
        try:
            self._greet(session)
            while True:
                self._serve_packet(session)
        except ProtocolFault as fault:
            _log.info("let a client go: %s", fault)
            self._send_last_word(packets.exception(fault.code, str(fault)))
        except ClientGone as gone:
            _log.debug("client %s", gone)
        finally:
            session.close()

    def _greet(self, session: EngineSession) -> None:
        limits = self._channel.limits
        number = self._channel.await_packet(limits.hello_bytes, limits.hello_s)
        if number in _HTTP:
            self._send_last_word(_NOT_HTTP)
            raise ClientGone("speaks HTTP")
        if number != packets.CLIENT_HELLO:
            said = "TLS, which is not offered" if number == _TLS_HANDSHAKE else f"packet {number}"
            why = f"this port speaks ClickHouse's native protocol: a hello was expected instead of {said}"
            raise ProtocolFault(UNEXPECTED_PACKET_FROM_CLIENT, why)
        self._channel.client.settimeout(limits.hello_s)
        hello = read_hello(self._channel.reader)
        if hello.user != _USER:
            why = f"{hello.user}: Authentication failed: the only user is {_USER!r}, without a password"
            raise ProtocolFault(AUTHENTICATION_FAILED, why)
        try:
            session.use(hello.database or "default")
        except QueryFault as fault:
            raise ProtocolFault(fault.code, str(fault)) from None
        self._channel.send(packets.hello(self._engine.version, self._engine.timezone))

    def _serve_packet(self, session: EngineSession) -> None:
        limits = self._channel.limits
        number = self._channel.await_packet(limits.query_bytes, limits.idle_s)
        if number == packets.CLIENT_PING:
            self._channel.send(packets.PONG)
        elif number == packets.CLIENT_QUERY:
            self._serve_query(session)
        elif number == packets.CLIENT_TABLES_STATUS:
            asked = read_tables_status(self._channel.reader)
            self._channel.send(packets.tables_status(session.existing(asked)))
        elif number != packets.CLIENT_CANCEL:  # a cancel that comes after the end cancels nothing
            raise ProtocolFault(UNEXPECTED_PACKET_FROM_CLIENT, f"packet {number} where a query was expected")

    def _serve_query(self, session: EngineSession) -> None:
        query = read_query(self._channel.reader)
        self._channel.begin_query(compressed=query.compressed)
        try:
            with external_tables(self._channel, self._engine.spool_dir) as tables:
                self._answer(session, query, tables)
        except Cancelled:
            self._channel.send(packets.END_OF_STREAM)
        except QueryFault as fault:
            cancelled = fault.code == QUERY_WAS_CANCELLED and self._channel.next_is_cancel()
            self._channel.send(packets.END_OF_STREAM if cancelled else packets.exception(fault.code, _explained(fault)))

    def _answer(self, session: EngineSession, query: Query, tables: list[Spool]) -> None:
        statement = read_statement(with_engine_ids(query.text, self._running.engine_id), self._engine.formats)
        listening = self._running.listening_to(self._channel)
        with self._running.known_as(query.query_id, replace=query.is_on("replace_running_query")):
            if query.may_only_read and not statement.reads:
                raise QueryFault(READONLY, "Cannot execute query in readonly mode.")
            for name in session.apply(query.settings):
                _log.warning("setting %s is unknown to the engine and left out", name)
            with session.tables(tables):
                if statement.way is Way.INSERT:
                    take_insert(self._channel, session, statement, self._engine.spool_dir, listening)
                    return
                with listening:
                    closing_rows = statement.has_totals or query.is_on("extremes")
                    profile = send_result(self._channel, session, statement, closing_rows=closing_rows)
                self._channel.send(profile + packets.END_OF_STREAM)

    def _send_last_word(self, word: bytes) -> None:
        try:
            self._channel.send(word)
        except ClientGone:
            pass  # it did not wait for an explanation


def _explained(fault: QueryFault) -> str:
    if fault.code != UNKNOWN_QUERY_PARAMETER:
        return str(fault)
    return f"{fault} The embedded ClickHouse takes no server-side parameters; leave server_side_params off."
