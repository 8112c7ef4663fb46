"""One recorded scenario on its stage: permits taken, clients that hang up, answers side by side, metrics counted."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp

from infra.local.tgi.service import Service
from infra.local.tgi.timed.engine import TimedEngine
from infra.local.tgi.timed.knobs import Fault
from tests.contracts.tgi import stages
from tests.contracts.tgi.exchanges import Reply, Request, Response, Scenario, send
from tests.contracts.tgi.likeness import differences
from tests.support.eventually import eventually

LONG = Request(
    "POST", "/generate_stream", stages.JSON, {"inputs": "One two three four", "parameters": {"max_new_tokens": 400}}
)
SHORT = Request("POST", "/generate", stages.JSON, {"inputs": "Hi", "parameters": {"max_new_tokens": 2}})


class Staged:
    """A scenario, and the server that it plays on."""

    def __init__(self, scenario: Scenario, service: Service, url: str, session: aiohttp.ClientSession) -> None:
        self._scenario = scenario
        self._service = service
        self._url = url
        self._session = session

    async def play(self) -> list[str]:
        """Send what was recorded; where it went unlike TGI."""
        for request in stages.before(self._scenario):
            await self._send(request)
        match self._scenario.name.partition("_")[0]:
            case "overload":
                return await self._overload()
            case "disconnect" | "permit":
                return await self._hang_up()
            case "count":
                return self._uncounted({})
            case _:
                return await self._all(self._scenario.responses)

    async def _all(self, wanted: list[Response]) -> list[str]:
        """As many requests at once as there are answers, which are all alike."""
        if not wanted:
            return []
        replies = await asyncio.gather(*(self._send(self._scenario.request) for _ in wanted))
        found = [each for reply in replies for each in differences(wanted[0], reply)]
        if self._scenario.name.startswith(("max_new_tokens", "completions_no_max")):
            count = wanted[0].headers.get("x-generated-tokens")
            found += [f"not {count} tokens" for each in replies if each.headers.get("x-generated-tokens") != count]
        return found

    async def _overload(self) -> list[str]:
        """With all permits taken, or one too few for two, it is refused; when they are free again it is not."""
        refused = [each for each in self._scenario.responses if _is_refusal(each)]
        answered = [each for each in self._scenario.responses if each not in refused]
        taken = self._service.options.max_concurrent_requests - (self._scenario.name == "overload_best_of")
        if self._scenario.name == "overload_health":
            refused, answered = answered, []
        async with self._held(LONG, taken):
            before = self._counted()
            found = await self._all(refused)
        if self._scenario.name != "overload_best_of":  # recorded without the parameters that let it be answered
            found += await self._all(answered)
        return found + self._uncounted(before)

    async def _hang_up(self) -> list[str]:
        """Counted as dropped, and the permit is free for the next."""
        async with self._held(self._scenario.request, 1):
            pass
        found = self._uncounted({})
        after = await self._send(SHORT)
        return found if after.status == 200 else [*found, f"the permit is not free: {after.status}"]

    @asynccontextmanager
    async def _held(self, request: Request, count: int) -> AsyncIterator[None]:
        """So many of these generate until the end of the block, where their clients hang up."""
        engine = self._service.engine
        if isinstance(engine, TimedEngine):
            engine.faults.append(Fault(kind="hold", after_tokens=1, times=count))
        holding = [asyncio.create_task(self._send(request)) for _ in range(count)]
        try:
            await eventually(lambda: self._service.permits_taken == count, within_s=20)
            if isinstance(engine, TimedEngine):
                await eventually(lambda: [each.state for each in engine.seen].count("held") == count, within_s=20)
            yield
        finally:
            for each in holding:
                each.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*holding)
        await eventually(lambda: self._service.permits_taken == 0, within_s=20)

    async def _send(self, request: Request) -> Reply:
        return await send(self._session, self._url, request, self._scenario.name)

    def _counted(self) -> dict[str, float]:
        page = self._service.metrics.render()
        return {name: float(value) for name, value in re.findall(r"^(tgi_\S+) (\S+)$", page, re.MULTILINE)}

    def _uncounted(self, before: dict[str, float]) -> list[str]:
        """The series that did not grow as TGI's did."""
        after = self._counted()
        grown = {name: after.get(name, 0) - before.get(name, 0) for name in self._scenario.metrics}
        return [
            f"{name} grew by {grown[name]:g}, not {wanted:g}"
            for name, wanted in self._scenario.metrics.items()
            if grown[name] != wanted
        ]


def _is_refusal(response: Response) -> bool:
    return "Model is overloaded" in (response.body or "".join(response.events or []))
