"""How a result goes to a client: names and types, rows, totals and extremes, then what it came to."""

from collections.abc import Generator
from contextlib import closing

from infra.local.clickhouse import packets
from infra.local.clickhouse.blocks import Columns, blocks_in, columns_of, empty_block, with_types
from infra.local.clickhouse.channel import Channel
from infra.local.clickhouse.faults import ClientGone, ProtocolFault
from infra.local.clickhouse.packets import Progress
from infra.local.clickhouse.session import EngineSession
from infra.local.clickhouse.statements import Statement, Way

_CLOSING_ROWS = {"totals": packets.TOTALS, "extremes": packets.EXTREMES}
_Blocks = Generator[tuple[bytes, int]]


def send_result(channel: Channel, session: EngineSession, statement: Statement, *, closing_rows: bool) -> bytes:
    """Run a statement and send what it gives; `closing_rows`: totals or extremes are among it.

    A client that leaves ends its query with it.

    Returns:
        what is to be sent last: what the result came to.
    """
    columns = session.columns(statement.text) if statement.way is Way.STREAM else []
    with session.telling(_Teller(channel).tell):
        if statement.way is Way.STREAM:
            profile = _send(channel, _streamed(session, statement.text, columns))
        else:
            profile = _send(channel, _listed(session.run(statement.text)))
    for name, native in session.closing_rows(statement.text, columns) if closing_rows and columns else ():
        channel.send_block(_in_their_zone(native, columns), _CLOSING_ROWS[name])
    return profile


def _send(channel: Channel, blocks: _Blocks) -> bytes:
    count = rows = size = 0
    with closing(blocks):
        for native, block_rows in blocks:
            channel.send_block(native)
            count, rows, size = count + bool(block_rows), rows + block_rows, size + len(native)
    return packets.profile(rows, count, size)


def _streamed(session: EngineSession, select: str, columns: Columns) -> _Blocks:
    yield empty_block(columns), 0
    with closing(session.stream(select)) as blocks:
        yield from ((_in_their_zone(native, columns), rows) for native, rows in blocks)


def _listed(native: bytes) -> _Blocks:
    for number, block in enumerate(blocks_in(native)):
        if not number:
            yield empty_block(columns_of(block.native)), 0
        yield block.native, block.rows


def _in_their_zone(native: bytes, columns: Columns) -> bytes:
    """The block with the time zones that the Native format leaves out of DateTime, as for clients of 2017."""
    try:
        return with_types(native, {place: kind for place, (_, kind) in enumerate(columns) if "DateTime('" in kind})
    except ProtocolFault:
        return native  # beside it is a type whose bytes we do not know


class _Teller:
    """Tells a client how far its query is."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._told = Progress()

    def tell(self, now: Progress) -> None:
        """Tell what was added."""
        try:
            self._channel.send(now.since(self._told).packet())
        except ClientGone:
            return  # the engine takes no exception; whoever sends next, or listens, sees the same
        self._told = now
