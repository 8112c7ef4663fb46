"""Compressed frames, as ClickHouse puts blocks into them.

A frame is a checksum of 16 bytes (CityHash 1.0.2, the high half first), the method, its size with these nine bytes, the
size of what is in it, and that, compressed. A block may take several frames.

Format: https://clickhouse.com/docs/native-protocol/server#compression
"""

import struct
from collections.abc import Callable, Mapping
from enum import IntEnum

import zstd
from clickhouse_cityhash.cityhash import CityHash128
from lz4 import block as lz4

from infra.local.clickhouse.faults import (
    CANNOT_DECOMPRESS,
    CHECKSUM_DOESNT_MATCH,
    CORRUPTED_DATA,
    TOO_LARGE_SIZE_COMPRESSED,
    UNKNOWN_COMPRESSION_METHOD,
    ProtocolFault,
)
from infra.local.clickhouse.wire import Reader

_CHECKSUM = struct.Struct("<QQ")
_HEAD = struct.Struct("<BII")
_FRAME_BYTES = 1 << 20
_HALF = (1 << 64) - 1
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class Method(IntEnum):
    """How a frame is compressed; lz4hc is lz4 to whoever reads it."""

    NONE = 0x02
    LZ4 = 0x82
    ZSTD = 0x90


def frames(data: bytes, method: Method) -> bytes:
    """The data in frames."""
    parts = (data[start : start + _FRAME_BYTES] for start in range(0, len(data), _FRAME_BYTES))
    return b"".join(_frame(part, method) for part in parts)


class Frames:
    """What a client's frames contain, one after the other."""

    def __init__(self, reader: Reader, limit_bytes: int) -> None:
        self._reader = reader
        self._limit_bytes = limit_bytes
        self.method = Method.LZ4

    def receive(self, _count: int) -> bytes:
        """What the next frame contains, and remember its method.

        Raises:
            ProtocolFault: the frame is broken, of an unknown method, or too large.
        """
        checksum = _CHECKSUM.unpack(self._reader.take(_CHECKSUM.size))
        head = self._reader.take(_HEAD.size)
        number, size, size_inside = _HEAD.unpack(head)
        if size < _HEAD.size or not size_inside:
            raise ProtocolFault(CORRUPTED_DATA, f"a compressed frame of {size} bytes for {size_inside}")
        if max(size, size_inside) > self._limit_bytes:
            raise ProtocolFault(TOO_LARGE_SIZE_COMPRESSED, f"a compressed frame of {size} bytes for {size_inside}")
        packed = self._reader.take(size - _HEAD.size)
        if _checksum(head + packed) != checksum:
            raise ProtocolFault(CHECKSUM_DOESNT_MATCH, "Checksum doesn't match: corrupted data")
        self.method = _method(number)
        return _unpacked(packed, self.method, size_inside)


def _frame(data: bytes, method: Method) -> bytes:
    packed = _PACK[method](data)
    body = _HEAD.pack(method, len(packed) + _HEAD.size, len(data)) + packed
    return _CHECKSUM.pack(*_checksum(body)) + body


def _checksum(data: bytes) -> tuple[int, int]:
    whole = CityHash128(data)
    return whole >> 64, whole & _HALF


def _method(number: int) -> Method:
    try:
        return Method(number)
    except ValueError:
        known = ", ".join(each.name for each in Method)
        raise ProtocolFault(UNKNOWN_COMPRESSION_METHOD, f"compression method {number:#x}; known: {known}") from None


def _unpacked(packed: bytes, method: Method, size: int) -> bytes:
    try:
        data = _UNPACK[method](packed, size)
    except (lz4.LZ4BlockError, zstd.Error, ValueError, MemoryError) as error:
        raise ProtocolFault(CANNOT_DECOMPRESS, f"Cannot decompress: {error}") from None
    if len(data) != size:
        raise ProtocolFault(CANNOT_DECOMPRESS, f"Cannot decompress: {len(data)} bytes instead of {size}")
    return data


def _unpack_zstd(packed: bytes, size: int) -> bytes:
    # The library makes room for what the frame claims for itself, so that claim comes first.
    if _size_in_zstd(packed) != size:
        raise ValueError("a frame of zstd that contains another number of bytes")
    return bytes(zstd.decompress(packed))


def _size_in_zstd(packed: bytes) -> int | None:
    """What a frame of zstd says of its content (RFC 8878, 3.1.1.1)."""
    if packed[:4] != _ZSTD_MAGIC or len(packed) < 6:
        return None
    flags = packed[4]
    single = flags >> 5 & 1
    width = (single, 2, 4, 8)[flags >> 6]
    start = 5 + (not single) + (0, 1, 2, 4)[flags & 3]
    return int.from_bytes(packed[start : start + width], "little") + (256 if width == 2 else 0) if width else None


_PACK: Mapping[Method, Callable[[bytes], bytes]] = {
    Method.NONE: bytes,
    Method.LZ4: lambda data: bytes(lz4.compress(data, store_size=False)),
    Method.ZSTD: lambda data: bytes(zstd.compress(data, 1)),
}
_UNPACK: Mapping[Method, Callable[[bytes, int], bytes]] = {
    Method.NONE: lambda packed, _size: packed,
    Method.LZ4: lambda packed, size: bytes(lz4.decompress(packed, uncompressed_size=size)),
    Method.ZSTD: _unpack_zstd,
}
