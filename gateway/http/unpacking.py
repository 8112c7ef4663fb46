"""What is packed must come whole: aiohttp takes a gzip that breaks off for all of it."""

import zlib
from typing import TYPE_CHECKING, Any, cast

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError

if TYPE_CHECKING:
    from aiohttp.compression_utils import ZLibBackendProtocol


def insist_on_the_end() -> None:
    """Let no body of this process end before what it is packed in does."""
    aiohttp.set_zlib_backend(cast("ZLibBackendProtocol", _Zlib()))


class _Zlib:
    """zlib as aiohttp uses it, but for how it unpacks."""

    def __getattr__(self, name: str) -> Any:
        return getattr(zlib, name)

    def decompressobj(self, *args: Any, **options: Any) -> "_Unpacked":
        """What unpacks one stream."""
        return _Unpacked(zlib.decompressobj(*args, **options))


class _Unpacked:
    """A stream as it is unpacked, that knows whether it has begun and not ended."""

    def __init__(self, stream: "zlib._Decompress") -> None:
        self._stream = stream
        self._begun = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def decompress(self, data: bytes, max_length: int = 0) -> bytes:
        """More of it, unpacked."""
        self._begun = self._begun or bool(data)
        return self._stream.decompress(data, max_length)

    def flush(self, *length: int) -> bytes:
        """What is left of it, now that no more comes.

        Raises:
            ContentEncodingError: this is not its end.
        """
        if self._begun and not self._stream.eof:
            raise ContentEncodingError("it breaks off")
        return self._stream.flush(*length)
