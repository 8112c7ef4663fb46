"""Getting one answer out of the model server, over as many tries in place as it takes."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from producers.events import Message, PromptSubmitted, Usage
from stream_workers.inference.endings import Answered, Unanswered, failure, too_long
from stream_workers.inference.parameters import TooLong, budget_tokens, parameters
from stream_workers.inference.screen import Screen
from stream_workers.inference.stops import StopCutter
from stream_workers.inference.tgi import End, Piece, Templated, Tgi
from stream_workers.inference.trouble import Trouble

_JITTER = 0.25


@dataclass(frozen=True)
class Progress:
    """Whom to tell what happens on the way."""

    first_token: Callable[[], None]
    retry: Callable[[int, str, float], None]
    """Called with the number of tries so far, the reason, and the wait in seconds."""
    counted: Callable[[Usage], None]
    """Called with the usage so far."""


class Answering:
    """Asks the model; after trouble that may pass, waits as `delays_s` says and asks again."""

    def __init__(self, model: Tgi, delays_s: Sequence[float]) -> None:
        self._model = model
        self._delays_s = tuple(delays_s)

    async def answer(
        self, prompt: PromptSubmitted, history: tuple[Message, ...], screen: Screen, progress: Progress
    ) -> Answered | Unanswered:
        """The whole answer, on the screen as it comes; a new try starts it over."""
        for tries, delay_s in enumerate((*self._delays_s, None), start=1):
            outcome = await self._try(prompt, history, screen, progress)
            if not isinstance(outcome, Trouble):
                return outcome
            if delay_s is None or not outcome.again:
                return Unanswered(failure(outcome))
            wait_s = delay_s * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 # spreads retries, guards nothing
            progress.retry(tries, f"{outcome.kind}: {outcome.message}", wait_s)
            await screen.start_over()
            await asyncio.sleep(wait_s)
        raise AssertionError("the last try has no delay")

    async def _try(
        self, prompt: PromptSubmitted, history: tuple[Message, ...], screen: Screen, progress: Progress
    ) -> Answered | Unanswered | Trouble:
        limits = await self._model.limits()
        if isinstance(limits, Trouble):
            return limits
        templated = await self._model.template(prompt.model, (*history, *prompt.messages))
        if isinstance(templated, Trouble):
            return templated
        budget = budget_tokens(prompt.sampling, templated.tokens, limits)
        if isinstance(budget, TooLong):
            return Unanswered(too_long(budget))
        stream = self._model.generate(templated.text, parameters(prompt.sampling, budget, limits))
        return await _read(stream, templated, StopCutter(prompt.sampling.stop), budget, screen, progress)


async def _read(
    stream: AsyncGenerator[Piece | End | Trouble, None],
    templated: Templated,
    cutter: StopCutter,
    budget: int,
    screen: Screen,
    progress: Progress,
) -> Answered | Trouble:
    """Show the stream; hang up on a server that goes on after a stop string or over the budget."""
    tokens = 0
    async with aclosing(stream):
        async for told in stream:
            match told:
                case Piece(text):
                    if cutter.stopped or tokens == budget:
                        break
                    tokens += 1
                    if tokens == 1:
                        progress.first_token()
                    screen.add(cutter.feed(text))
                    progress.counted(Usage(templated.tokens, tokens))
                case End(finish_reason, counted):
                    screen.add(cutter.rest())
                    reason = "stop" if cutter.stopped else finish_reason
                    return Answered(reason, Usage(templated.tokens, min(counted, budget)))
                case Trouble():
                    return told
    if not cutter.stopped:
        screen.add(cutter.rest())
    return Answered("stop" if cutter.stopped else "length", Usage(templated.tokens, tokens))
