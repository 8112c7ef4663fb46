"""One request after another over one session: tried again where that can help, for as long as patience lasts."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

import aiohttp
import msgspec

from gateway.client.errors import Told, given_up, not_understood, refused
from gateway.client.objects import JobError
from gateway.client.patience import Contact, Patience, Tell
from gateway.client.settings import ClientSettings
from infra.clock import Clock
from infra.errors import OurFault, Unavailable

_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_CONNECT_S: Final = 5.0

Kind = TypeVar("Kind")


class Wire:
    """The way to one gateway with one key; its session is opened by the first request and must be closed."""

    def __init__(self, settings: ClientSettings, clock: Clock, contact: Contact, *, connections: int) -> None:
        self._settings = settings
        self._clock = clock
        self._contact = contact
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def close(self) -> None:
        """Close every connection; twice is once."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def ask(
        self,
        kind: type[Kind],
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Kind:
        """What the gateway answers, as that type.

        Raises:
            Refused: it said no, and would say no again.
            Limited: the key's limit is reached, for longer than patience lasts.
            Unavailable: it does not answer, or only to refuse for now.
        """
        patience = Patience(self._contact)
        given = dict(headers or {}) | ({} if body is None else {"Content-Type": "application/json"})
        while True:
            try:
                async with (
                    patience.one_try(),
                    self._opened().request(
                        method, path, data=body, headers=given, params=params, allow_redirects=False
                    ) as response,
                ):
                    patience.answered()
                    if response.status < 300:
                        return self._read(kind, response, await response.read())
                    told = await self._told(response)
            except (aiohttp.ClientError, TimeoutError) as error:
                await patience.pause(no_answer(error))
            else:
                await self.judge(told, patience)

    @asynccontextmanager
    async def stream(self, path: str, headers: Mapping[str, str]) -> AsyncIterator[aiohttp.ClientResponse | Told]:
        """An open stream, or what was said instead of one.

        Raises:
            aiohttp.ClientError, TimeoutError: the connection was lost, maybe in the middle of it.
        """
        async with self._opened().get(path, headers=headers, allow_redirects=False) as response:
            yield response if response.status in {200, 204} else await self._told(response)

    def patience(self) -> Patience:
        """The patience of a call that makes many tries of its own."""
        return Patience(self._contact)

    async def judge(self, told: Told, patience: Patience) -> None:
        """Wait where the same call may succeed later; raise where it will not, or where patience is at its end.

        Raises:
            Refused: it will not.
            Limited, Overloaded: it might, but too late.
        """
        again = told.status in _PASSING if told.should_retry is None else told.should_retry
        if not again:
            raise refused(told)
        if told.status == 429 and self._contact.endures_limits:
            patience.endure()
            await patience.pause(f"refuses for now: {told}", told.after_s)
            return
        await patience.pause(f"refuses for now: {told}", told.after_s, given_up(self._settings.url, told))

    def _opened(self) -> aiohttp.ClientSession:
        if self._closed:
            raise OurFault("this client is closed")
        if self._session is None:
            key = self._settings.api_key
            self._session = aiohttp.ClientSession(
                self._settings.url.rstrip("/") + "/",
                headers={"Authorization": f"Bearer {key}"} if key else {},
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=self._settings.silence_s),
                connector=aiohttp.TCPConnector(limit=self._connections),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _read(self, kind: type[Kind], response: aiohttp.ClientResponse, content: bytes) -> Kind:
        try:
            return msgspec.json.decode(content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise not_understood(response.status, response.headers.get("x-request-id", "")) from None

    async def _told(self, response: aiohttp.ClientResponse) -> Told:
        try:
            said = msgspec.json.decode(await response.read(), type=dict[str, JobError])["error"]
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError):
            said = JobError(message=response.reason or "no reason given")
        return _said(response, said, self._retry_after_s(response))

    def _retry_after_s(self, response: aiohttp.ClientResponse) -> float | None:
        """What `Retry-After` says, in seconds or as a date (RFC 9110, 10.2.3)."""
        said = response.headers.get("Retry-After")
        if said is None:
            return None
        try:
            return float(said) if said.isdigit() else max(0.0, _until(said, self._clock))
        except ValueError:
            return None


def the_way(
    settings: ClientSettings,
    clock: Clock,
    *,
    connections: int,
    tell: Tell = lambda _: None,
    endures_limits: bool = False,
    retry: bool = True,
) -> Wire:
    """The way to the gateway that the settings name.

    Raises:
        Unavailable: they name none.
        WrongSetting: they name what is no URL.
    """
    settings.check()
    if not settings.url:
        raise Unavailable(
            "gateway", f"no stack runs here; start one with `headrace up`, or set {settings.variable('url')}"
        )
    contact = Contact(settings, tell, endures_limits=endures_limits, retry=retry)
    return Wire(settings, clock, contact, connections=connections)


def _said(response: aiohttp.ClientResponse, error: JobError, after_s: float | None = None) -> Told:
    again = {"true": True, "false": False}.get(response.headers.get("x-should-retry", ""))
    request_id = response.headers.get("x-request-id", "")
    return Told(status=response.status, error=error, request_id=request_id, after_s=after_s, should_retry=again)


def _until(date: str, clock: Clock) -> float:
    return parsedate_to_datetime(date).timestamp() - clock.now_ms() / 1000


def no_answer(error: Exception) -> str:
    """What to say of a connection that was lost or never came."""
    reason = " ".join(str(error).split())
    return f"does not answer ({reason})" if reason else "does not answer"
