"""Three real prompts through the whole chain, past the cache: their answers as they stream, then each hop's time."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from rich.console import Console
from rich.table import Table

from infra import sse
from infra.errors import Unavailable

PROMPTS: Final = (
    "Why is the sky blue? Answer in one sentence.",
    "Write two lines about a river.",
    "Name three uses of water power.",
)
ANSWER_TOKENS: Final = 48
_ANSWER_WITHIN_S: Final = 120.0
_SETTLE_WITHIN_S: Final = 15.0
_PAUSE_S: Final = 0.1


@dataclass
class TourPrompt:
    """One prompt of the tour and what became of it."""

    prompt: str
    job: dict[str, Any] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)
    webhook: bool = False
    row: bool = False

    @property
    def answered(self) -> bool:
        """Whether the prompt has its answer."""
        return self.job.get("status") == "completed"

    def plain(self) -> dict[str, Any]:
        """As `headrace demo --json` prints it."""
        answer = self.job["result"]["choices"][0]["message"]["content"] if self.answered else None
        told = {"prompt": self.prompt, "job_id": self.job.get("id"), "answer": answer}
        return {**told, "steps": self.steps, "webhook": self.webhook, "row": self.row}


@dataclass(frozen=True)
class Guide:
    """Who asks, and where."""

    session: aiohttp.ClientSession
    gateway_url: str
    api_key: str
    receiver_url: str
    console: Console

    async def model(self) -> str:
        """The first model this key may use; waits until the gateway knows the key.

        Raises:
            Unavailable: the gateway does not answer in time, or does not know the key.
        """
        why = ""
        deadline = time.monotonic() + _SETTLE_WITHIN_S
        while time.monotonic() < deadline:
            try:
                return str((await self._get("/v1/models"))["data"][0]["id"])
            except (aiohttp.ClientError, KeyError, IndexError) as error:
                why = repr(error)
            await asyncio.sleep(_PAUSE_S)
        raise Unavailable("gateway", f"the gateway at {self.gateway_url} does not show its models: {why}")

    async def knows_the_key(self) -> bool:
        """Whether the gateway takes the API key; waits a while, for keys arrive through the log."""
        deadline = time.monotonic() + _SETTLE_WITHIN_S / 3
        while True:
            async with self.session.get(f"{self.gateway_url}/v1/models", headers=self._who()) as answer:
                if answer.status != 401:
                    return True
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_PAUSE_S)

    async def ask(self, prompt: str, model: str) -> TourPrompt:
        """Send one prompt, show its answer as it comes, and fetch its timeline."""
        asked = TourPrompt(prompt)
        self.console.print(f"\n[bold]{prompt}[/bold]")
        body = {
            "model": model,
            "input": prompt,
            "max_tokens": ANSWER_TOKENS,
            "cache": "bypass",
            "lane": "interactive",
            "webhook": {"url": self.receiver_url},
        }
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                asked.job = await self._post("/v1/jobs", body)
                asked.job = await self._follow(asked.job["urls"]["events"])
                asked.steps = (await self._get(asked.job["urls"]["timeline"]))["steps"]
        except (aiohttp.ClientError, TimeoutError, KeyError, ValueError) as error:
            self.console.print(f"no answer: {error!r}", style="red", markup=False)
        if failure := asked.job.get("error"):
            self.console.print(failure["message"], style="red", markup=False)
        return asked

    async def await_what_follows(self, asked: list[TourPrompt]) -> None:
        """Wait a while for what an answer leads to: its webhook, and its row in the analytics store."""
        waiting = [each for each in asked if each.answered]
        deadline = time.monotonic() + _SETTLE_WITHIN_S
        while waiting and time.monotonic() < deadline:
            received, rows = await self._received(), await self._rows()
            for each in waiting:
                each.webhook, each.row = each.job["id"] in received, each.job["id"] in rows
            waiting = [each for each in waiting if not (each.webhook and each.row)]
            await asyncio.sleep(_PAUSE_S)

    async def _received(self) -> str:
        async with self.session.get(f"{self.receiver_url}received") as answer:
            received = (await answer.json())["received"]
        return json.dumps([each["payload"] for each in received if each["refused"] is None])

    async def _rows(self) -> str:
        url = self._url("/v1/reports/recent_jobs")
        async with self.session.get(url, params={"limit": "20"}, headers=self._who()) as answer:
            return await answer.text() if answer.status == 200 else ""

    async def _follow(self, events: str) -> dict[str, Any]:
        shown = ""
        async with self.session.get(self._url(events), headers=self._who()) as answer:
            answer.raise_for_status()
            async for event in sse.events(answer.content.iter_any()):
                data = json.loads(event.data)
                if event.event == "done":
                    self.console.print()
                    return dict(data)
                shown = self._show(event.event, data, shown)
        raise ValueError("the stream of events ended without its last event")

    def _show(self, kind: str, data: Mapping[str, Any], shown: str) -> str:
        text: str = {"token": shown + data.get("text", ""), "snapshot": data.get("text", "")}.get(kind, shown)
        if not text.startswith(shown):
            self.console.out("\n(from the start again) ", end="", highlight=False)
            shown = ""
        self.console.out(text[len(shown) :], end="", highlight=False)
        return text

    async def _get(self, path: str) -> dict[str, Any]:
        async with self.session.get(self._url(path), headers=self._who()) as answer:
            answer.raise_for_status()
            return dict(await answer.json())

    async def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        async with self.session.post(self._url(path), json=body, headers=self._who()) as answer:
            if answer.status >= 400:
                raise ValueError(f"HTTP {answer.status}: {await answer.text()}")
            return dict(await answer.json())

    def _url(self, path: str) -> str:
        return path if path.startswith("http") else self.gateway_url + path

    def _who(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}


async def walk(guide: Guide, model: str) -> list[TourPrompt]:
    """Ask all prompts, one after the other, and wait for what follows from the answers."""
    asked = [await guide.ask(prompt, model) for prompt in PROMPTS]
    await guide.await_what_follows(asked)
    return asked


def hops(asked: list[TourPrompt]) -> Table:
    """A row a hop, a column a prompt: milliseconds since the hop before."""
    table = Table(title="Time in each hop, ms", title_justify="left")
    table.add_column("hop")
    for number, _ in enumerate(asked, 1):
        table.add_column(f"prompt {number}", justify="right")
    columns = [{step["step"]: float(step["since_previous_ms"] or 0) for step in each.steps} for each in asked]
    names = list(dict.fromkeys(step["step"] for each in asked for step in each.steps))
    for name in names:
        table.add_row(name, *(f"{column[name]:.1f}" if name in column else "-" for column in columns))
    table.add_section()
    table.add_row("altogether", *(f"{sum(column.values()):.1f}" for column in columns), style="bold")
    table.add_row("signed webhook", *("received" if each.webhook else "not received" for each in asked))
    table.add_row("analytics row", *("written" if each.row else "not written" for each in asked))
    return table
