"""One client's socket: packets both ways, their blocks compressed where the client wants it."""

import select
import socket
from dataclasses import dataclass

from infra.local.clickhouse import packets
from infra.local.clickhouse.blocks import Block, read_block, read_block_info
from infra.local.clickhouse.compression import Frames, frames
from infra.local.clickhouse.faults import UNEXPECTED_PACKET_FROM_CLIENT, Cancelled, ClientGone, ProtocolFault
from infra.local.clickhouse.wire import Reader


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


class Channel:
    """What is said to a client and heard from it."""

    def __init__(self, client: socket.socket, limits: Limits) -> None:
        self.limits = limits
        self.client = client
        self.reader = Reader(self._receive)
        self._lost: OSError | None = None
        self._frames: Frames | None = None
        self._blocks = self.reader

    def await_packet(self, limit_bytes: int, patience_s: float) -> int:
        """The number of the next packet, which may be long in coming; what follows it may not."""
        self.client.settimeout(patience_s)
        self.reader.begin_packet(limit_bytes)
        number = self.reader.varint()
        self.client.settimeout(self.limits.packet_s)
        return number

    def begin_query(self, *, compressed: bool) -> None:
        """From here on blocks are compressed, or not."""
        self._frames = Frames(self.reader, self.limits.block_bytes) if compressed else None
        self._blocks = Reader(self._frames.receive) if self._frames else self.reader

    def read_data(self) -> tuple[str, Block]:
        """A block of rows, and the name of the external table they are for ("" for an insert's rows).

        Raises:
            Cancelled: the client has thought better of it.
        """
        number = self.await_packet(self.limits.block_bytes, self.limits.packet_s)
        if number == packets.CLIENT_CANCEL:
            raise Cancelled
        if number != packets.CLIENT_DATA:
            raise ProtocolFault(UNEXPECTED_PACKET_FROM_CLIENT, f"packet {number} where a block was expected")
        table = self.reader.text()
        if self._frames:
            self._blocks.begin_packet(self.limits.block_bytes)
        read_block_info(self._blocks)
        return table, read_block(self._blocks)

    def next_is_cancel(self) -> bool:
        """Whether the client has cancelled; raises where it has left, or says something else."""
        if not self.reader.has_buffered and not select.select([self.client], [], [], 0)[0]:
            return False
        number = self.await_packet(self.limits.hello_bytes, self.limits.packet_s)
        if number != packets.CLIENT_CANCEL:
            raise ProtocolFault(UNEXPECTED_PACKET_FROM_CLIENT, f"packet {number} in the middle of a query")
        return True

    def send(self, data: bytes) -> None:
        """Send packets; once one did not go out whole, no other does."""
        if self._lost is None:
            try:
                self.client.sendall(data)
            except OSError as error:
                self._lost = error
        if self._lost:
            raise ClientGone(f"is gone: {self._lost}")

    def send_block(self, native: bytes, number: int = packets.DATA) -> None:
        """Send a block, compressed by the method that the client uses."""
        body = packets.BLOCK_INFO + native
        self.send(packets.block_head(number) + (frames(body, self._frames.method) if self._frames else body))

    def _receive(self, count: int) -> bytes:
        try:
            return self.client.recv(count)
        except OSError as error:
            raise ClientGone(f"is gone: {error}") from None
