"""One try at an answer: all choices of a prompt, drawn from the model server one after the other."""

import functools
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

import msgspec
from text_generation.types import Grammar

from producers.events import Choice, Message, PromptSubmitted, Sampling, Truncated, Usage
from producers.jobs.live import Piece
from stream_workers.inference import calls, grammars, trouble
from stream_workers.inference.drawing import Drawing
from stream_workers.inference.endings import Answered, Later, Unanswered, too_long
from stream_workers.inference.parameters import Limits, TooLong, budget_tokens, parameters
from stream_workers.inference.prompting import Prompting
from stream_workers.inference.screen import Screen
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
    """One try at all choices of a prompt, one after the other."""

    model: Tgi
    prompt: PromptSubmitted
    prompting: Prompting
    limits: Limits
    most_answer_tokens: int
    held_by: str
    """Who holds answers to grammars."""
    screen: Screen
    progress: Progress
    prompt_tokens: int = 0
    tokens: int = 0
    """Those of the choices that are drawn already."""

    async def answer(self) -> Answered | Unanswered | Later | Trouble:
        """All of them; the trouble at one is that of all."""
        choices: list[Choice] = []
        for number in range(self.prompt.sampling.n):
            drawn = await self._call(number) if self.prompt.tools else None
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
        self.screen.add(Piece("", number, (call,)))
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
        """One generation; hang up on a server that goes on after a stop string or over the budget."""
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
        self.prompt_tokens, before = templated.tokens, self.tokens
        cutter = StopCutter(sampling.stop)
        drawing = Drawing(number, cutter, budget, with_logprobs=sampling.top_logprobs is not None and not hidden)
        asked = parameters(sampling, budget, self.limits, number=number, grammar=grammar)
        # From here on the GPU may read the prompt: who cancels before the first token has used it, too.
        self.progress.counted(Usage(self.prompt_tokens, self.tokens))
        async with aclosing(self.model.generate(templated.text, asked)) as stream:
            async for told in stream:
                match told:
                    case Token():
                        if drawing.over:
                            break
                        piece = drawing.take(told)
                        self.tokens += 1
                        if self.tokens == 1:
                            self.progress.first_token()
                        self._show(piece, hidden=hidden)
                        self.progress.counted(Usage(self.prompt_tokens, self.tokens))
                    case End(finish_reason, counted):
                        self._show(drawing.rest(), hidden=hidden)
                        self.tokens = before + min(counted, budget)
                        return drawing.end(finish_reason)
                    case Trouble():
                        if not self.tokens:
                            self.progress.counted(None)
                        return told
        self._show(drawing.rest(), hidden=hidden)
        return drawing.end("length")

    def _show(self, piece: Piece | None, *, hidden: bool) -> None:
        if piece is not None and not hidden:
            self.screen.add(piece)


def _unstopped(sampling: Sampling) -> Sampling:
    """The same without stop strings, which are for the texts that clients read: they would cut a call into no call."""
    return msgspec.structs.replace(sampling, stop=())


def _made(make: Callable[[], Grammar]) -> Grammar | Trouble:
    try:
        return make()
    except Exception as error:  # whatever it is, it comes of the prompt alone, and will be the same next time
        return trouble.unsendable(f"no grammar can be made of it ({type(error).__name__})")
