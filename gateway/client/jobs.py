"""Submit, follow and wait: one job through refusals, lost connections and a gateway that restarts."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Any, Final

import aiohttp
import msgspec

from gateway.client.patience import Contact, Patience, Tell
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


class Refused(NeverTryAgain):
    """The gateway said no, and would say no again."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"the gateway refused: {message} ({status})")
        self.status = status


class Jobs:
    """The jobs of one gateway, as one key sees them."""

    def __init__(self, session: aiohttp.ClientSession, contact: Contact, clock: Clock) -> None:
        self._session = session
        self._contact = contact
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
        last_id, patience = "", Patience(self._contact)
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
                        await self._judge(response, await _message(response), patience)
                        continue
                    async for event in sse.events(response.content.iter_any()):
                        patience.renew()
                        last_id = event.id or last_id
                        yield event
                        if event.event == "done":
                            return
                what = "cut the stream"
            except (aiohttp.ClientError, TimeoutError) as error:
                what = _no_answer(error)
            await patience.pause(what)

    async def wait(self, job_id: str, show: Callable[[str], None] = lambda _: None) -> Job:
        """The job once it has ended, however it ends; `show` is told each status it comes to.

        Raises:
            Refused: there is no such job.
            Unavailable: the gateway cannot be reached.
        """
        done: Job = {}
        async for event in self.follow(job_id):
            if event.event == "status":
                show(msgspec.json.decode(event.data)["status"])
            if event.event == "done":
                done = msgspec.json.decode(event.data)
        return done

    async def _done(self, job_id: str, last_id: str) -> ServerSentEvent:
        job = await self.read(job_id)
        return ServerSentEvent(msgspec.json.encode(job).decode(), "done", last_id)

    async def _ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> Job:
        patience = Patience(self._contact)
        while True:
            try:
                async with (
                    patience.one_try(),
                    self._session.request(method, path, json=body, headers=headers, allow_redirects=False) as response,
                ):
                    patience.answered()
                    if response.status < 300:
                        return _job(response.status, await response.read())
                    message = await _message(response)
            except (aiohttp.ClientError, TimeoutError) as error:
                await patience.pause(_no_answer(error))
            else:
                await self._judge(response, message, patience)

    async def _judge(self, response: aiohttp.ClientResponse, message: str, patience: Patience) -> None:
        """Wait where the same call may succeed later; raise where it will not."""
        final = response.headers.get("x-should-retry") == "false"
        if final or response.status not in _OVERLOADED | _FAULTY:
            raise Refused(response.status, message)
        if response.status == 429:
            # It does answer: waiting for one's turn is no matter of patience.
            patience.renew()
        await patience.pause(f"refuses for now: {message} ({response.status})", self._retry_after_s(response))

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
async def connected(
    settings: ClientSettings, clock: Clock, connections: int, tell: Tell = lambda _: None
) -> AsyncIterator[Jobs]:
    """The jobs of the gateway that the settings name; `tell` is given a line when it does not answer.

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
        yield Jobs(session, Contact(settings, tell), clock)


def _job(status: int, content: bytes) -> Job:
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused(status, "its answer is no JSON object; is this a Headrace gateway?") from None


def _until(date: str, clock: Clock) -> float:
    return parsedate_to_datetime(date).timestamp() - clock.now_ms() / 1000


def _no_answer(error: Exception) -> str:
    reason = " ".join(str(error).split())
    return f"does not answer ({reason})" if reason else "does not answer"


async def _message(response: aiohttp.ClientResponse) -> str:
    try:
        return str(msgspec.json.decode(await response.read())["error"]["message"])
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
        return response.reason or "no reason given"
