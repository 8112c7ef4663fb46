"""Put a load on a gateway and see how it bears it: live in the terminal, and as JSON for your records.

$ HEADRACE_WEBHOOKS__ALLOW_LOOPBACK=1 headrace up      # in another terminal, in this folder
$ python examples/load_generator.py --stages 2x5,4x5 --webhooks 0.3 --json load.json

Stages are arrivals a second x seconds. Arrivals are open-loop and Poisson: they come when they come, however slow the
answers are, as those of many users would. Every time is taken from the moment at which a prompt was due, not from when
it could be sent at last, so that a stall of the service (or of this program) counts for each prompt that it held up: no
coordinated omission. Nothing is tried again, so that every refusal is seen.
"""

import argparse
import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from gateway.client import AsyncHeadrace, DoneTold, HeadraceError, JobFailed, SnapshotTold, TokenTold

SHOWN = ("accepted", "first token", "ended", "webhook")
SHARES = (50, 90, 99, 100)


@dataclass(frozen=True)
class Stage:
    """So many arrivals a second, for so long."""

    per_s: float
    seconds: float


@dataclass
class Score:
    """What has happened so far; times in seconds after a prompt was due."""

    due: int = 0
    under_way: int = 0
    ended: int = 0
    late_s: float = 0.0
    times_s: dict[str, list[float]] = field(default_factory=lambda: {each: [] for each in SHOWN})
    errors: Counter[str] = field(default_factory=Counter)

    def report(self) -> dict[str, Any]:
        """The whole as plain data."""
        return {
            "due": self.due,
            "ended": self.ended,
            "errors": dict(self.errors),
            "generator_late_ms": round(self.late_s * 1000, 1),
            "latency_ms": {name: percentiles_ms(found) for name, found in self.times_s.items() if found},
        }


def percentiles_ms(times_s: Sequence[float]) -> dict[str, float]:
    """The times that so many percent of them do not exceed (nearest rank)."""
    ordered = sorted(times_s)
    ranks = {share: max(0, -(-len(ordered) * share // 100) - 1) for share in SHARES}
    return {f"p{share}" if share < 100 else "max": round(ordered[at] * 1000, 1) for share, at in ranks.items()}


def arrivals(stages: Sequence[Stage], chance: random.Random) -> Iterator[float]:
    """When each prompt is due, in seconds from the start: the gaps of a Poisson process are exponential."""
    begin_s = 0.0
    for stage in stages:
        at_s = begin_s + chance.expovariate(stage.per_s)
        while at_s < begin_s + stage.seconds:
            yield at_s
            at_s += chance.expovariate(stage.per_s)
        begin_s += stage.seconds


class Load:
    """Hands prompts in when they are due, and keeps the score."""

    def __init__(self, headrace: AsyncHeadrace, chance: random.Random, given: argparse.Namespace) -> None:
        self.score = Score()
        self._headrace = headrace
        self._chance = chance
        self._given = given
        self._webhooks: dict[str, asyncio.Future[None]] = {}

    async def put(self, due: Iterator[float], callback: str) -> None:
        """All of it; returns when every prompt has come to an end."""
        clock = asyncio.get_running_loop().time
        start_s = clock()
        async with asyncio.TaskGroup() as group:
            for number, at_s in enumerate(due):
                await asyncio.sleep(start_s + at_s - clock())
                self.score.late_s = max(self.score.late_s, clock() - start_s - at_s)
                self.score.due += 1
                group.create_task(self._one(number, start_s + at_s, callback))

    async def arrived(self, request: web.Request) -> web.Response:
        """A webhook; its job is named in it."""
        told = await request.json()
        webhook = self._webhook_of(told["data"]["id"])
        if not webhook.done():  # it may come twice
            webhook.set_result(None)
        return web.Response(status=204)

    async def _one(self, number: int, due_s: float, callback: str) -> None:
        kind = "webhook" if self._chance.random() < self._given.webhooks else "stream"
        self.score.under_way += 1
        try:
            async with asyncio.timeout(self._given.patience):
                await self._answered(number, due_s, callback if kind == "webhook" else None)
            self.score.ended += 1
        except JobFailed as error:
            self.score.errors[f"job {error.job.status}"] += 1
        except TimeoutError:
            self.score.errors[f"no end within {self._given.patience:g} s"] += 1
        except HeadraceError as error:
            status = getattr(error, "status", "")
            self.score.errors[f"{type(error).__name__} {status}".strip()] += 1
        finally:
            self.score.under_way -= 1

    async def _answered(self, number: int, due_s: float, callback: str | None) -> None:
        jobs = self._headrace.jobs
        prompt = f"Prompt {number}: name a river."
        job = await jobs.submit(prompt, max_tokens=self._given.tokens, cache="bypass", webhook=callback)
        self._note("accepted", due_s)
        if callback is not None:
            await self._webhook_of(job.id)
            self._note("webhook", due_s)
            return
        first = True
        async for event in jobs.events(job.id):
            if first and isinstance(event, TokenTold | SnapshotTold):
                first = False
                self._note("first token", due_s)
            if isinstance(event, DoneTold):
                self._note("ended", due_s)
                if event.job.text is None:
                    raise JobFailed(event.job)

    def _webhook_of(self, job_id: str) -> "asyncio.Future[None]":
        # It may come before we know that the job was accepted.
        return self._webhooks.setdefault(job_id, asyncio.get_running_loop().create_future())

    def _note(self, what: str, due_s: float) -> None:
        self.score.times_s[what].append(asyncio.get_running_loop().time() - due_s)


def drawn(score: Score) -> Group:
    """The score as it stands."""
    table = Table("ms after it was due", *(f"p{each}" if each < 100 else "max" for each in SHARES), "prompts")
    for name, times_s in score.times_s.items():
        if times_s:
            table.add_row(name, *(f"{each:.0f}" for each in percentiles_ms(times_s).values()), str(len(times_s)))
    errors = ", ".join(f"{name} {count}x" for name, count in score.errors.most_common()) or "none"
    return Group(f"{score.due} due, {score.under_way} under way, {score.ended} answered; errors: {errors}", table)


@asynccontextmanager
async def receiver(load: Load) -> AsyncIterator[str]:
    """Where webhooks are told to go."""
    app = web.Application()
    app.router.add_post("/", load.arrived)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def run(given: argparse.Namespace) -> Score:
    """Put the load on, and draw the score twice a second meanwhile."""
    chance = random.Random(given.seed)
    async with AsyncHeadrace(connections=given.connections, retry=False) as headrace:
        await headrace.jobs.first_model()
        load = Load(headrace, chance, given)
        due = arrivals(given.stages, random.Random(given.seed))
        async with receiver(load) as callback:
            with Live(console=Console(stderr=True), get_renderable=lambda: drawn(load.score), refresh_per_second=2):
                await load.put(due, callback)
    return load.score


def stages(text: str) -> list[Stage]:
    """`2x5,4x5`: two a second for five seconds, then four."""
    found = [
        Stage(float(rate), float(seconds)) for rate, _, seconds in (each.partition("x") for each in text.split(","))
    ]
    if any(each.per_s <= 0 or each.seconds <= 0 for each in found):
        raise argparse.ArgumentTypeError("rates and seconds must be above 0")
    return found


def main() -> None:
    """Read the command line, and print what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--stages", type=stages, default=stages("2x10"), help="arrivals a second x seconds, …")
    parser.add_argument("--webhooks", type=float, default=0.0, help="share of the prompts that is told by webhook")
    parser.add_argument("--tokens", type=int, default=20, help="longest answer")
    parser.add_argument("--patience", type=float, default=60.0, help="seconds after which a prompt counts as lost")
    parser.add_argument("--connections", type=int, default=1000, help="connections at once, at most")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same arrivals")
    parser.add_argument("--json", type=Path, help="write the score there")
    given = parser.parse_args()
    score = asyncio.run(run(given))
    if given.json:
        asked = [vars(stage) for stage in given.stages]
        given.json.write_text(json.dumps({"stages": asked, "seed": given.seed, **score.report()}, indent=2))
    print(json.dumps(score.report()))


if __name__ == "__main__":
    main()
