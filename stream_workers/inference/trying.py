"""One try at an answer: all choices of a prompt, drawn from the model server one after the other."""

import functools
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

import msgspec
from text_generation.types import Grammar, Parameters

from producers.events import Choice, Message, PromptSubmitted, Sampling, Truncated, Usage
from producers.jobs.live import Piece
from stream_workers.inference import calls, grammars, trouble
from stream_workers.inference.drawing import Drawing
from stream_workers.inference.endings import Answered, Later, Unanswered, too_long
from stream_workers.inference.parameters import Limits, TooLong, budget_tokens, parameters
from stream_workers.inference.prompting import Prompting
from stream_workers.inference.screen import Screen
from stream_workers.inference.seen import NOTHING, Seen
from stream_workers.inference.stops import StopCutter
from stream_workers.inference.tgi import End, Templated, Tgi, Token
from stream_workers.inference.trouble import Trouble


@dataclass(frozen=True)
class Progress:
    """Whom to tell what happens on the way."""

    first_token: Callable[[], None]
    needs: Callable[[int], Awaitable[Unanswered | Later | None]]
    """Called before the GPU is, with the most tokens that prompt and answer may take; why not, if they may not."""
    counted: Callable[[Usage | None], None]
    """Called with the usage so far; none where the model server has taken nothing."""
    fitted: Callable[[tuple[Message, ...], Truncated | None], None]
    """Called with the history that the model is shown, and what was left out."""


@dataclass
class Trying:
    """One try at all choices of a prompt, in order; or at what is left of its only one, after what was `seen`."""

    model: Tgi
    prompt: PromptSubmitted
    prompting: Prompting
    limits: Limits
    most_answer_tokens: int
    held_by: str
    """Who holds answers to grammars."""
    screen: Screen
    progress: Progress
    seen: Seen = NOTHING
    prompt_tokens: int = 0
    tokens: int = 0
    """Those of the choices that are drawn already."""

    async def answer(self) -> Answered | Unanswered | Later | Trouble:
        """All of them; the trouble at one is that of all."""
        choices: list[Choice] = []
        for number in range(self.prompt.sampling.n):
            # Whoever was shown text knows that the model chose to answer freely.
            drawn = await self._call(number) if self.prompt.tools and not self.seen.pieces else None
            if drawn is None:
                drawn = await self._text(number)
            if not isinstance(drawn, Choice):
                return drawn
            choices.append(drawn)
        return Answered(tuple(choices), Usage(self.prompt_tokens, self.tokens))

    async def _call(self, number: int) -> Choice | Unanswered | Later | Trouble | None:
        """The call of a tool; None where the model chose to answer freely. Nobody sees it before it is whole."""
        tokens, prompt = self.tokens, self.prompt
        templated = await self._templated(offering=True)
        drawn = await self._draw(number, templated, self._of_call, hidden=True)
        if not isinstance(drawn, Choice):
            return drawn
        try:
            call = calls.read(drawn.text, prompt.job_id, number)
        except ValueError:
            # The budget cut it, for a grammar ends with a whole call: there is nothing that could be called.
            return Choice(finish_reason="length")
        if call is None:
            self.tokens = tokens  # as TGI itself counts: what it took to choose is no part of the answer
            return None
        self.screen.last(Piece("", number, (call,)))
        return Choice("", "tool_calls", (call,))

    async def _templated(self, *, offering: bool) -> Templated | Trouble:
        templated = await self.prompting.templated(offering=offering)
        self.progress.fitted(self.prompting.history, self.prompting.truncated)
        return templated

    async def _text(self, number: int) -> Choice | Unanswered | Later | Trouble:
        templated = await self._templated(offering=False)
        return await self._draw(number, templated, self._of_format)

    @functools.cached_property
    def _of_call(self) -> Grammar | Trouble:
        """The same for all choices."""
        tools, must_call = self.prompt.tools, self.prompt.must_call
        return _made(lambda: grammars.of_call(tools, self.held_by, must_call=must_call))

    @functools.cached_property
    def _of_format(self) -> Grammar | Trouble | None:
        form = self.prompt.format
        return None if form is None else _made(lambda: grammars.of_format(form, self.held_by))

    async def _draw(
        self, number: int, templated: Templated | Trouble, grammar: Grammar | Trouble | None, *, hidden: bool = False
    ) -> Choice | Unanswered | Later | Trouble:
        """One generation, or what is left of it after what was seen."""
        if isinstance(templated, Trouble):
            return templated
        if isinstance(grammar, Trouble):
            return grammar
        sampling = _unstopped(self.prompt.sampling) if hidden else self.prompt.sampling
        budget = budget_tokens(sampling, templated.tokens, self.limits, self.most_answer_tokens)
        if isinstance(budget, TooLong):
            return Unanswered(too_long(budget))
        needed = max(self.prompt_tokens, templated.tokens) + self.tokens + (sampling.n - number) * budget
        if (refused := await self.progress.needs(needed)) is not None:
            return refused
        seen = NOTHING if hidden else self.seen
        self.prompt_tokens, self.tokens = templated.tokens, self.tokens + seen.tokens
        with_logprobs = sampling.top_logprobs is not None and not hidden
        drawing = Drawing(number, StopCutter(sampling.stop), budget, with_logprobs=with_logprobs, seen=seen)
        # From here on the GPU may read the prompt: who cancels before the first token has used it, too.
        self.progress.counted(Usage(self.prompt_tokens, self.tokens))
        left = budget - seen.tokens
        if left < 1 or templated.tokens + seen.tokens > self.limits.max_input_tokens:
            return drawing.end("length")
        asked = parameters(sampling, left, self.limits, number=number, grammar=grammar)
        drawn = await self._drawn(drawing, templated.text + seen.text, asked, hidden=hidden)
        if isinstance(drawn, Trouble):
            if drawn.kind == "refused" and seen.pieces:
                # What it took of the first attempt it does not take with the text behind it: that is too long.
                return drawing.end("length")
            if not self.tokens:
                self.progress.counted(None)
        return drawn

    async def _drawn(self, drawing: Drawing, inputs: str, asked: Parameters, *, hidden: bool) -> Choice | Trouble:
        """What the server generates of it; hang up where that goes on after a stop string or over the budget."""
        before = self.tokens
        async with aclosing(self.model.generate(inputs, asked)) as stream:
            async for told in stream:
                match told:
                    case Token():
                        if drawing.over:
                            break
                        piece = drawing.take(told)
                        self.tokens += 1
                        if self.tokens == before + 1 and drawing.number == 0:
                            self.progress.first_token()
                        self._show(piece, drawing, hidden=hidden)
                        self.progress.counted(Usage(self.prompt_tokens, self.tokens))
                    case End(finish_reason, counted):
                        self._show(drawing.rest(), drawing, hidden=hidden, last=True)
                        self.tokens = before + min(counted, asked.max_new_tokens or counted)
                        return drawing.end(finish_reason)
                    case Trouble():
                        return told
        self._show(drawing.rest(), drawing, hidden=hidden, last=True)
        return drawing.end("length")

    def _show(self, piece: Piece | None, drawing: Drawing, *, hidden: bool, last: bool = False) -> None:
        if piece is None or hidden:
            return
        if last or drawing.over:
            self.screen.last(piece)
        else:
            self.screen.add(piece, drawing.shown_tokens)


def _unstopped(sampling: Sampling) -> Sampling:
    """The same without stop strings, which are for the texts that clients read: they would cut a call into no call."""
    return msgspec.structs.replace(sampling, stop=())


def _made(make: Callable[[], Grammar]) -> Grammar | Trouble:
    try:
        return make()
    except Exception as error:  # whatever it is, it comes of the prompt alone, and will be the same next time
        return trouble.unsendable(f"no grammar can be made of it ({type(error).__name__})")
