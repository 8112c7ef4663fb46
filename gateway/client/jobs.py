"""Submit, follow and wait: one job through refusals, lost connections and a gateway that restarts."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Any, Final

import aiohttp
import msgspec

from gateway.client.settings import ClientSettings
from infra import sse
from infra.clock import Clock
from infra.errors import NeverTryAgain, Unavailable
from infra.ids import new_id
from infra.sse import ServerSentEvent

Job = dict[str, Any]

ENDED: Final = frozenset({"completed", "failed", "cancelled", "aborted", "expired"})
_OVERLOADED: Final = frozenset({429, 503})
_FAULTY: Final = frozenset({500, 502, 504})
_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 5.0


class Refused(NeverTryAgain):
    """The gateway said no, and would say no again."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"the gateway refused: {message} ({status})")
        self.status = status


class Patience:
    """How long a gateway that does not answer, or is not ready, is tried again."""

    def __init__(self, patience_s: float, url: str) -> None:
        self._patience_s = patience_s
        self._url = url
        self._since_s: float | None = None
        self._tries = 0

    def renew(self) -> None:
        """The gateway has answered: count from the beginning."""
        self._since_s, self._tries = None, 0

    async def pause(self, reason: str, asked_s: float | None = None) -> None:
        """Wait before the next try, for as long as the gateway asked, if it did.

        Raises:
            Unavailable: patience is at its end.
        """
        now_s = asyncio.get_running_loop().time()
        self._since_s = now_s if self._since_s is None else self._since_s
        if now_s - self._since_s > self._patience_s:
            raise Unavailable("gateway", f"the gateway at {self._url} cannot be reached: {reason}")
        doubled_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**self._tries)
        self._tries += 1
        jitter = random.uniform(0.75, 1.0)  # noqa: S311 # spreads clients, hides nothing
        await asyncio.sleep(doubled_s * jitter if asked_s is None else asked_s)


class Jobs:
    """The jobs of one gateway, as one key sees them."""

    def __init__(self, session: aiohttp.ClientSession, settings: ClientSettings, clock: Clock) -> None:
        self._session = session
        self._settings = settings
        self._clock = clock

    async def submit(self, body: dict[str, Any]) -> Job:
        """Hand in a prompt, once: a try that is repeated bears the same Idempotency-Key.

        Raises:
            Refused: the prompt is wrong, or the key is.
            Unavailable: the gateway cannot be reached.
        """
        return await self._ask("POST", "v1/jobs", body, {"Idempotency-Key": f'"{new_id("try", self._clock)}"'})

    async def read(self, job_id: str) -> Job:
        """The job as it stands.

        Raises:
            Refused: there is none of that id.
            Unavailable: the gateway cannot be reached.
        """
        return await self._ask("GET", f"v1/jobs/{job_id}")

    async def first_model(self) -> str:
        """A model that the key may use.

        Raises:
            Refused: the key is wrong, or there is no model.
            Unavailable: the gateway cannot be reached.
        """
        found = await self._ask("GET", "v1/models")
        if not found["data"]:
            raise Refused(200, "it serves no model")
        return str(found["data"][0]["id"])

    async def follow(self, job_id: str) -> AsyncIterator[ServerSentEvent]:
        """Every event of a job up to `done`, each once, over as many connections as it takes.

        Raises:
            Refused: there is no such job.
            Unavailable: the gateway cannot be reached.
        """
        last_id, patience = "", Patience(self._settings.patience_s, self._settings.url)
        while True:
            headers = {"Last-Event-ID": last_id} if last_id else {}
            try:
                async with self._session.get(
                    f"v1/jobs/{job_id}/events", headers=headers, allow_redirects=False
                ) as response:
                    if response.status == 204:
                        yield await self._done(job_id, last_id)
                        return
                    if response.status != 200:
                        await self._judge(response, patience)
                        continue
                    async for event in sse.events(response.content.iter_any()):
                        patience.renew()
                        last_id = event.id or last_id
                        yield event
                        if event.event == "done":
                            return
                reason = "the stream was cut"
            except (aiohttp.ClientError, TimeoutError) as error:
                reason = str(error) or type(error).__name__
            await patience.pause(reason)

    async def wait(self, job_id: str) -> Job:
        """The job once it has ended, however it ends.

        Raises:
            Refused: there is no such job.
            Unavailable: the gateway cannot be reached.
        """
        done: Job = {}
        async for event in self.follow(job_id):
            if event.event == "done":
                done = msgspec.json.decode(event.data)
        return done

    async def _done(self, job_id: str, last_id: str) -> ServerSentEvent:
        job = await self.read(job_id)
        return ServerSentEvent(msgspec.json.encode(job).decode(), "done", last_id)

    async def _ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> Job:
        patience = Patience(self._settings.patience_s, self._settings.url)
        while True:
            try:
                async with self._session.request(
                    method, path, json=body, headers=headers, allow_redirects=False
                ) as response:
                    if response.status < 300:
                        return _job(response.status, await response.read())
                    await self._judge(response, patience)
                    continue
            except (aiohttp.ClientError, TimeoutError) as error:
                reason = str(error) or type(error).__name__
            await patience.pause(reason)

    async def _judge(self, response: aiohttp.ClientResponse, patience: Patience) -> None:
        """Wait where the same call may succeed later; raise where it will not."""
        message = await _message(response)
        final = response.headers.get("x-should-retry") == "false"
        if final or response.status not in _OVERLOADED | _FAULTY:
            raise Refused(response.status, message)
        if response.status == 429:
            # It does answer: waiting for one's turn is no matter of patience.
            patience.renew()
        await patience.pause(message, self._retry_after_s(response))

    def _retry_after_s(self, response: aiohttp.ClientResponse) -> float | None:
        """What `Retry-After` says, in seconds or as a date (RFC 9110, 10.2.3)."""
        said = response.headers.get("Retry-After")
        if said is None:
            return None
        try:
            return max(0.0, float(said) if said.isdigit() else _until(said, self._clock))
        except ValueError:
            return None


@asynccontextmanager
async def connected(settings: ClientSettings, clock: Clock, connections: int) -> AsyncIterator[Jobs]:
    """The jobs of the gateway that the settings name.

    Raises:
        Unavailable: they name none.
        WrongSetting: they name what is no URL.
    """
    settings.check()
    if not settings.url:
        raise Unavailable(
            "gateway", f"no stack runs here; start one with `headrace up`, or set {settings.variable('url')}"
        )
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=settings.silence_s)
    headers = {"Authorization": f"Bearer {settings.api_key}"} if settings.api_key else {}
    session = aiohttp.ClientSession(
        settings.url.rstrip("/") + "/",
        headers=headers,
        timeout=timeout,
        connector=aiohttp.TCPConnector(limit=connections),
    )
    async with session:
        yield Jobs(session, settings, clock)


def _job(status: int, content: bytes) -> Job:
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused(status, "its answer is no JSON object; is this a Headrace gateway?") from None


def _until(date: str, clock: Clock) -> float:
    return parsedate_to_datetime(date).timestamp() - clock.now_ms() / 1000


async def _message(response: aiohttp.ClientResponse) -> str:
    try:
        return str(msgspec.json.decode(await response.read())["error"]["message"])
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
        return response.reason or "no reason given"
