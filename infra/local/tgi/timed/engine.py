"""The timed engine: tokens by the clock instead of by a model, and faults to order."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from itertools import cycle
from typing import Literal

from msgspec import Struct

from infra.local.tgi.engine import Ask, Piece, Token
from infra.local.tgi.errors import CutConnection, EngineFailed, SendGarbage
from infra.local.tgi.slots import Slots
from infra.local.tgi.template import CHATML
from infra.local.tgi.timed.knobs import Fault, Knobs, by_chance, luck, take
from infra.local.tgi.timed.text import SPECIAL_IDS, answer_words, json_pieces, pieces, token_id

REMEMBERED = 10_000
State = Literal["queued", "running", "held", "finished", "closed", "cut", "failed"]
OVER: frozenset[State] = frozenset({"finished", "closed", "cut", "failed"})


class Seen(Struct):
    """One generation that was asked for; `closed` means that the client hung up or a stop string was met."""

    number: int
    inputs: str
    max_new_tokens: int
    tokens: int = 0
    state: State = "queued"


class TimedEngine:
    """Answers with words derived from the prompt, at the pace of its knobs."""

    chat_template = CHATML

    def __init__(self, knobs: Knobs) -> None:
        self.knobs = knobs
        self.faults: list[Fault] = []
        self.seen: deque[Seen] = deque(maxlen=REMEMBERED)
        self._slots = Slots(knobs.slots)
        self._released: dict[int, asyncio.Event] = {}
        self._count = 0
        self._asked = 0

    async def load(self) -> None:
        """Nothing to load."""

    async def healthy(self) -> bool:
        """Unless it was told to be down."""
        return not self.knobs.down

    async def close(self) -> None:
        """Nothing to close."""

    def turn(self, knobs: Knobs) -> None:
        """Behave like this from now on."""
        self.knobs = knobs
        self._slots.resize(knobs.slots)

    def release(self, contains: str = "") -> int:
        """Let the held generations whose prompt contains this go on; how many."""
        held = [each for each in self.seen if each.state == "held" and contains in each.inputs]
        for each in held:
            self._released[each.number].set()
        return len(held)

    def forget(self) -> None:
        """As if just started: no faults, nothing seen, what is held goes on."""
        self.release()
        self.faults.clear()
        self.seen.clear()

    async def tokenize(self, text: str) -> list[Piece]:
        """Words with the space before them."""
        found, start = [], 0
        for each in pieces(text):
            stop = start + len(each.encode())
            found.append(Piece(token_id(each), each, start, stop))
            start = stop
        return found

    async def logprobs(self, ids: Sequence[int]) -> list[float | None]:
        """Derived from the token's id, as those of an answer."""
        return [_logprob(each) if place else None for place, each in enumerate(ids)]

    def admit(self, inputs: str) -> bool:
        """Not when an overload was ordered, nor where there is no room."""
        self._asked += 1
        if take(self.faults, inputs, ["overload"]) is not None:
            return False
        if self.knobs.room and sum(each.state not in OVER for each in self.seen) >= self.knobs.room:
            return False
        rate = self.knobs.overload_rate
        return rate == 0 or luck("overload", self._asked) >= rate

    async def generate(self, ask: Ask, on_start: Callable[[], None]) -> AsyncGenerator[Token, None]:
        """The answer's words, each when it is due."""
        if self.knobs.down:
            raise EngineFailed(DOWN)
        self._count += 1
        seen = Seen(self._count, ask.inputs, ask.max_new_tokens)
        self.seen.append(seen)
        fault = take(self.faults, ask.inputs, ["cut", "fail", "garbage", "hold"]) or by_chance(self.knobs, self._count)
        try:
            async with self._slots:
                on_start()
                seen.state = "running"
                async for token in self._tokens(ask, seen, fault):
                    yield token
        except (GeneratorExit, asyncio.CancelledError):
            seen.state = "finished" if seen.state == "finished" else "closed"
            raise

    async def _tokens(self, ask: Ask, seen: Seen, fault: Fault | None) -> AsyncGenerator[Token, None]:
        knobs, clock = self.knobs, asyncio.get_running_loop().time
        start_s = clock()
        said = take(self.faults, ask.inputs, ["say"])
        words = _words(ask, knobs) if said is None else pieces(said.text)[: ask.max_new_tokens]
        due_ms = knobs.first_token_ms
        for index in range(min(len(words) + 1, ask.max_new_tokens)):
            if fault is not None and fault.after_tokens == index:
                start_s += await self._strike(fault, seen)
            await asyncio.sleep(start_s + due_ms / 1000 - clock())
            due_ms += knobs.token_ms
            seen.tokens = index + 1
            token = _token(words[index], ask) if index < len(words) else END
            if token.ends or seen.tokens == ask.max_new_tokens:
                seen.state = "finished"
            yield token

    async def _strike(self, fault: Fault, seen: Seen) -> float:
        """Do the fault's work; how long a hold lasted."""
        match fault.kind:
            case "cut":
                seen.state = "cut"
                raise CutConnection("as ordered")
            case "fail":
                seen.state = "failed"
                raise EngineFailed(fault.text)
            case "garbage":
                seen.state = "failed"
                raise SendGarbage("as ordered")
            case _:
                return await self._hold(seen)

    async def _hold(self, seen: Seen) -> float:
        clock = asyncio.get_running_loop().time
        start_s = clock()
        self._released[seen.number] = asyncio.Event()
        seen.state = "held"
        try:
            await self._released[seen.number].wait()
        finally:
            del self._released[seen.number]
        seen.state = "running"
        return clock() - start_s


def _words(ask: Ask, knobs: Knobs) -> list[str]:
    words = answer_words(ask.inputs, ask.max_new_tokens, seed=ask.given_seed, answer_tokens=knobs.answer_tokens)
    if ask.constraint is None:
        return words
    if ask.constraint.regex:
        return words
    return json_pieces(ask.constraint.schema, cycle(words or ["word"]))


def _token(word: str, ask: Ask) -> Token:
    number = token_id(word)
    logprob = _logprob(number)
    others = [Token((number + 1 + i) % 1000 + 3, f" other{i}", logprob - 1 - i) for i in range(ask.top_n_tokens - 1)]
    top = (Token(number, word, logprob), *others) if ask.top_n_tokens else ()
    return Token(number, word, logprob, special=word in SPECIAL_IDS, top=top)


def _logprob(number: int) -> float:
    return -1 / (1 + number % 16)


END = Token(2, "<|im_end|>", -0.5, special=True, ends=True)
DOWN = "error trying to connect: Connection refused (os error 111)"
