"""The HTTP client of webhooks: it connects to checked addresses only, follows nobody, and reads little."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import (
    ClientError,
    ClientResponseError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    InvalidURL,
    TCPConnector,
)
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from infra.clock import Clock
from producers.destinations import Channel, Forbidden, Policy, channel_of, refusal
from stream_workers.webhooks.delivery import NotAllowed, Replied, Result, Unreached, retry_after_s

MOST_READ_BYTES = 16 * 1024
CHANNELS: tuple[Channel, ...] = ("public", "loopback", "trusted")


class ForbiddenAddress(OSError):
    """A name led to an address that a webhook must not call."""


class CheckedResolver(AbstractResolver):
    """Resolves names and lets through only the addresses that its channel allows."""

    def __init__(self, inner: AbstractResolver, channel: Channel) -> None:
        self._inner = inner
        self._channel = channel

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The allowed addresses of a name.

        Raises:
            ForbiddenAddress: there are addresses, but none is allowed.
            OSError: the name has none.
        """
        found = await self._inner.resolve(host, port, family)
        reasons = [refusal(each["host"], self._channel) for each in found]
        if all(reasons) and reasons:
            raise ForbiddenAddress(reasons[0])
        return [each for each, reason in zip(found, reasons, strict=True) if reason is None]

    async def close(self) -> None:
        """Close the resolver beneath."""
        await self._inner.close()


def checked_socket(channel: Channel, address: Any) -> socket.socket:
    """A socket for one address; aiohttp asks here also for addresses that were never resolved.

    Raises:
        ForbiddenAddress: the channel does not allow it.
    """
    family, kind, protocol, _, where = address
    if reason := refusal(str(where[0]), channel):
        raise ForbiddenAddress(reason)
    return socket.socket(family=family, type=kind, proto=protocol)


@dataclass(frozen=True)
class Outbound:
    """Sends webhooks under one policy."""

    policy: Policy
    clock: Clock
    sessions: dict[Channel, ClientSession]

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Result:
        """Send one webhook; whatever goes wrong is a result."""
        channel = channel_of(url, self.policy)
        if isinstance(channel, Forbidden):
            return NotAllowed(channel.reason)
        try:
            return await self._post(self.sessions[channel], url, body, headers)
        except InvalidURL:
            return NotAllowed("the URL is malformed")
        except TimeoutError:
            return Unreached("the receiver did not answer in time")
        except ClientResponseError:
            # Its text has the whole URL, whose query may hold a secret, and the receiver's own words.
            return Unreached("the receiver's answer is no HTTP")
        except (ClientError, OSError, ValueError) as error:
            cause = getattr(error, "os_error", error)
            if isinstance(cause, ForbiddenAddress):
                return NotAllowed(str(cause))
            return Unreached(f"{type(error).__name__}: {error}"[:500])

    async def _post(self, session: ClientSession, url: str, body: bytes, headers: dict[str, str]) -> Result:
        told = {"content-type": "application/json", "user-agent": "headrace", **headers}
        async with session.post(url, data=body, headers=told, allow_redirects=False) as reply:
            result = Replied(reply.status, retry_after_s(reply.headers.get("retry-after"), self.clock.now_ms()))
            try:
                # Some receivers take a connection closed in mid-reply for a failure of theirs; nobody needs the text.
                await reply.content.read(MOST_READ_BYTES)
            except (ClientError, TimeoutError):
                pass
            return result


@asynccontextmanager
async def outbound(
    policy: Policy,
    clock: Clock,
    timeout_s: float,
    at_once: int,
    resolver: Callable[[], AbstractResolver] = ThreadedResolver,
) -> AsyncIterator[Outbound]:
    """The client, with a connection pool for each channel; connections are not kept, so every attempt is checked."""
    sessions: dict[Channel, ClientSession] = {}
    try:
        for channel in CHANNELS:
            connector = TCPConnector(
                limit=at_once,
                resolver=CheckedResolver(resolver(), channel),
                use_dns_cache=False,
                force_close=True,
                socket_factory=partial(checked_socket, channel),
            )
            sessions[channel] = ClientSession(
                connector=connector,
                timeout=ClientTimeout(total=timeout_s, sock_connect=min(5.0, timeout_s)),
                cookie_jar=DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        yield Outbound(policy, clock, sessions)
    finally:
        await asyncio.gather(*(each.close() for each in sessions.values()))
