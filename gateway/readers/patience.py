"""Sending to a reader who may be slow: bounded in what is held for it, and in the patience with one."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from aiohttp import web

from gateway.keys import SETTINGS

log = logging.getLogger(__name__)

_SLICE_BYTES = 32 * 1024


class Patience:
    """With one reader. What it does not take stays with us up to some slices; a reader that takes none is cut."""

    def __init__(self, request: web.Request, response: web.StreamResponse) -> None:
        self._request = request
        self._response = response
        self._longest_s = request.app[SETTINGS].slow_reader_s

    async def write(self, told: bytes) -> None:
        """Send this; the head was sent before.

        Raises:
            ConnectionError: the reader is gone, or has taken nothing for too long.
        """
        for at in range(0, len(told), _SLICE_BYTES):
            await self._bounded(self._response.write(told[at : at + _SLICE_BYTES]))

    async def end(self) -> None:
        """That was all.

        Raises:
            ConnectionError: the reader is gone, or has taken nothing for too long.
        """
        await self._bounded(self._response.write_eof())

    async def _bounded(self, sending: Coroutine[Any, Any, None]) -> None:
        try:
            async with asyncio.timeout(self._longest_s):
                await sending
        except TimeoutError:
            log.info("a reader that takes nothing is cut off", extra={"path": self._request.path})
            if self._request.transport is not None:
                self._request.transport.abort()
            raise ConnectionResetError(f"the reader took nothing for {self._longest_s:g} s") from None
