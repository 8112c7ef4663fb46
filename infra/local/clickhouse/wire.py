"""The wire's letters: variable-length integers, strings, and a reader that knows a limit for every packet."""

import struct
from collections.abc import Callable

from infra.local.clickhouse.faults import TOO_LARGE, UNEXPECTED_PACKET_FROM_CLIENT, ClientGone, ProtocolFault

_CHUNK_BYTES = 1 << 18
_VARINT_BYTES = 10
_NAME_BYTES = 1 << 17


def varint(number: int) -> bytes:
    """Unsigned LEB128: seven bits a byte, the lowest first."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def string(text: str | bytes) -> bytes:
    """Its length as a varint, then its bytes."""
    raw = text.encode() if isinstance(text, str) else text
    return varint(len(raw)) + raw


class Reader:
    """Reads from a source of bytes and keeps what belongs to the packet at hand.

    Memory follows what has really arrived, never what a length claims, and a packet ends at its limit.
    """

    def __init__(self, receive: Callable[[int], bytes]) -> None:
        self._receive = receive
        self._data = bytearray()
        self._at = 0
        self._limit_bytes = _CHUNK_BYTES

    @property
    def at(self) -> int:
        """How many bytes of this packet are read."""
        return self._at

    @property
    def has_buffered(self) -> bool:
        """Whether bytes are here that nobody has read."""
        return self._at < len(self._data)

    def begin_packet(self, limit_bytes: int) -> None:
        """Forget what is read; the next packet may have so many bytes."""
        del self._data[: self._at]
        self._at = 0
        self._limit_bytes = limit_bytes

    def since(self, start: int) -> bytes:
        """The bytes of this packet from `start` up to here."""
        return bytes(memoryview(self._data)[start : self._at])

    def skip(self, count: int) -> None:
        """Go past so many bytes, which stay in the packet."""
        end = self._at + count
        if end > self._limit_bytes:
            raise self._too_large()
        while len(self._data) < end:
            more = self._receive(_CHUNK_BYTES)
            if not more:
                raise ClientGone("closed its connection")
            self._data += more
        self._at = end

    def take(self, count: int) -> bytes:
        """So many bytes."""
        start = self._at
        self.skip(count)
        return self.since(start)

    def varint(self) -> int:
        """An unsigned integer of up to 64 bits."""
        number = 0
        for index in range(_VARINT_BYTES):
            byte = self.take(1)[0]
            number |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                return number
        raise ProtocolFault(UNEXPECTED_PACKET_FROM_CLIENT, "a number of more than 10 bytes")

    def uint64(self) -> int:
        """Eight bytes, the lowest first."""
        return int(struct.unpack("<Q", self.take(8))[0])

    def text(self, limit_bytes: int = _NAME_BYTES) -> str:
        """A string that must be UTF-8 and of at most so many bytes."""
        length = self.varint()
        if length > limit_bytes:
            raise ProtocolFault(TOO_LARGE, f"a name or a query of more than {limit_bytes} bytes")
        try:
            return self.take(length).decode()
        except UnicodeDecodeError:
            raise ProtocolFault(UNEXPECTED_PACKET_FROM_CLIENT, "a name or a query that is not UTF-8") from None

    def skip_strings(self, count: int) -> None:
        """Go past so many strings; most are short and already here, so this loop is worth its second path."""
        if self._at + count > self._limit_bytes:
            raise self._too_large()
        data, at = self._data, self._at
        for _ in range(count):
            if at < len(data) and (length := data[at]) < 0x80 and at + length < len(data):
                at += 1 + length
                continue
            self._at = at
            self.skip(self.varint())
            at = self._at
        self._at = at
        self.skip(0)

    def _too_large(self) -> ProtocolFault:
        return ProtocolFault(TOO_LARGE, f"a packet of more than {self._limit_bytes} bytes")
