"""The model servers of one worker: each prompt has a seat at one of them, the least loaded that can be reached.

All that a prompt asks for it asks of the server where its seat is: its text under the template, its length, its answer.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Literal, get_args
from urllib.parse import urlsplit

from stream_workers.inference.breaker import Breaker
from stream_workers.inference.parameters import Limits
from stream_workers.inference.reach import Reach
from stream_workers.inference.tgi import Tgi
from stream_workers.inference.trouble import AWAY, Trouble
from stream_workers.inference.window import Window

MOST = 512
"""Seats at a server that does not say how many requests it takes at a time."""


State = Literal["there", "on trial", "away"]
STATES: tuple[State, ...] = get_args(State)


def name_of(url: str) -> str:
    """A server's name in metrics and messages: where it is, without what would let others in."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}"


class Server:
    """One model server: how much of it is in use, whether it can be reached, and what came of asking it."""

    def __init__(self, name: str, model: Tgi, reach: Reach | None = None) -> None:
        self.name = name
        self.model = model
        self.reach = reach or Reach(model.healthy)
        self.window = Window(MOST)
        self.breaker = Breaker()
        self.under_way = 0
        self.told: Callable[[str], None] = lambda _: None
        """Called with what came of each asking: `answered`, or the kind of trouble."""

    @property
    def state(self) -> State:
        """Whether it is asked."""
        if not self.reach.is_there:
            return "away"
        return "on trial" if self.breaker.on_trial else "there"

    @property
    def seats(self) -> int:
        """How many prompts may be there at a time; none while it is away."""
        match self.state:
            case "there":
                return self.window.size
            case "on trial":
                return 1
            case "away":
                return 0

    @property
    def free(self) -> int:
        """How many more may come."""
        return max(0, self.seats - self.under_way)

    @property
    def load(self) -> float:
        """How much of it is in use."""
        return self.under_way / self.seats if self.seats else 1.0

    async def limits(self) -> Limits | Trouble:
        """What it takes; that it takes so many at a time is heeded from then on."""
        limits = await self.model.limits()
        if isinstance(limits, Limits):
            self.window.limit(limits.max_concurrent_requests or MOST)
        return limits

    def answered(self) -> None:
        """It has answered a prompt, which is still counted as under way."""
        self.told("answered")
        self.reach.found()
        self.breaker.answered()
        self.window.answered(was_full=self.under_way >= self.window.size, now_s=monotonic())

    def troubled(self, trouble: Trouble) -> None:
        """It has not."""
        self.told(trouble.kind)
        if trouble.kind == "busy":
            self.window.refused(self.under_way - 1, monotonic())
        if trouble.kind in AWAY:
            self.reach.lost(trouble.message)
        elif self.breaker.troubled(trouble.kind):
            self.reach.lost(f"it is left alone for a while, for its answers break off: {trouble.message}")


@dataclass(eq=False)
class Seat:
    """One prompt's place at one server, until it leaves it."""

    server: Server
    _changed: Callable[[], None]
    _is_taken: bool = True
    _asked_s: float | None = None

    @property
    def model(self) -> Tgi:
        """The server's client."""
        return self.server.model

    async def limits(self) -> Limits | Trouble:
        """What the server takes."""
        limits = await self.server.limits()
        self._changed()
        return limits

    def asked(self) -> None:
        """The server is asked for the answer from now on."""
        self._asked_s = monotonic()

    def first_token(self, prompt_tokens: int) -> None:
        """The answer to a prompt of so many tokens begins; what is said after the first time counts for nothing."""
        if self._asked_s is not None:
            now_s, asked_s, self._asked_s = monotonic(), self._asked_s, None
            self.server.window.first_token(prompt_tokens, now_s - asked_s, now_s)

    def answered(self) -> None:
        """The server has answered the prompt."""
        self.server.answered()

    def troubled(self, trouble: Trouble) -> None:
        """It has not."""
        self.server.troubled(trouble)

    def leave(self) -> None:
        """The prompt asks for nothing more here; said twice it counts once."""
        if self._is_taken:
            self._is_taken = False
            self.server.under_way -= 1
            self._changed()


class Fleet:
    """Seats at all servers of a worker, at most so many at a time; whoever wants one has a slot before.

    `resized` is told how many slots there are from now on: what is free at servers that can be reached, and all that is
    taken. So a server that is lost, or takes less than it has, costs the others nothing.
    """

    def __init__(self, servers: Sequence[Server], most: int = MOST) -> None:
        self.servers = tuple(servers)
        self._most = most
        self._is_there = asyncio.Event()
        self._resized: Callable[[int], None] = lambda _: None
        for each in servers:
            each.reach.changed = self._look
        self._look()

    @property
    def size(self) -> int:
        """How many prompts may have a seat now, those that have one counted."""
        return min(self._most, sum(each.free + each.under_way for each in self.servers))

    def tell(self, resized: Callable[[int], None]) -> None:
        """Have `resized` told how many slots there are, now and whenever that changes."""
        self._resized = resized
        self._look()

    async def there(self) -> None:
        """Wait until a server can be reached, as far as we know."""
        await self._is_there.wait()

    def seat(self, avoided: Server | None = None) -> Seat | None:
        """One at the least loaded server, of those that are not avoided if there are any; None where none is there."""
        there = [each for each in self.servers if each.seats]
        if not there:
            return None
        free = [each for each in there if each.free] or there
        best = min(
            [each for each in free if each is not avoided] or free,
            key=lambda each: (each.load, random.random()),  # noqa: S311 # spreads prompts, guards nothing
        )
        best.under_way += 1
        return Seat(best, self._look)

    async def close(self) -> None:
        """Ask nobody any more."""
        for each in self.servers:
            await each.reach.close()
            await each.model.close()

    def _look(self) -> None:
        if any(each.seats for each in self.servers):
            self._is_there.set()
        else:
            self._is_there.clear()
        self._resized(self.size)
