"""A prompt as the model is shown it: under its chat template, and where that must be, without the oldest turns."""

from producers.conversations.recent import History
from producers.conversations.shown import bytes_of, left_behind, turns_in
from producers.events import Message, PromptSubmitted, Truncated
from stream_workers.inference.tgi import Templated, Tgi
from stream_workers.inference.trouble import Trouble

_AROUND = 16
"""About what a chat template puts around a message, in characters."""
LONGEST_TOKEN_BYTES = 64
MOST_BYTES = 1_500_000
"""What is longer than this is not even counted: TGI takes two million bytes with all that is around."""


class Prompting:
    """The messages of one prompt and their templated text, asked for once; `history` is what is shown of it."""

    def __init__(self, model: Tgi, prompt: PromptSubmitted, history: History, most_tokens: int) -> None:
        self._model = model
        self._prompt = prompt
        self._first = () if prompt.instructions is None else (Message("system", prompt.instructions),)
        self._all = (*history.messages, *prompt.messages)
        self._before = len(history.messages)
        self._left_out = history.left_out
        self._most_tokens = most_tokens
        self._is_cut_to_fit = prompt.truncation == "auto"
        self._cut = self._hopeless() if self._is_cut_to_fit else 0
        self._texts: dict[bool, Templated] = {}

    @property
    def truncated(self) -> Truncated | None:
        """What the model is not shown; None where that is nothing."""
        dropped = self._left_out + (turns_in(self._all).index(self._cut) if self._cut else 0)
        return Truncated(dropped, max(0, self._cut - self._before)) if dropped else None

    @property
    def history(self) -> tuple[Message, ...]:
        """What the model is shown of the turns before the prompt."""
        return left_behind(self._all[: self._before], self._cut)

    async def templated(self, *, offering: bool) -> Templated | Trouble:
        """The text that the model reads, with the tools offered or without; short enough if that could be."""
        if offering not in self._texts:
            text = await self._asked(self._cut, offering=offering)
            if isinstance(text, Templated) and self._is_cut_to_fit and text.tokens > self._most_tokens:
                text = await self._fitted(text, offering=offering)
            if isinstance(text, Trouble):
                return text
            self._texts[offering] = text
        return self._texts[offering]

    async def _fitted(self, whole: Templated, *, offering: bool) -> Templated | Trouble:
        """The longest text of whole turns that fits; the shortest of all where none does.

        Each look costs a call: a good guess is looked at first, then its neighbour, and only then the rest by halves.
        """
        cuts = [each for each in turns_in(self._all)[1:] if each > self._cut]
        texts: dict[int, Templated] = {}
        low, high, at = 0, len(cuts), self._guess(cuts, whole.tokens)
        while low < high:
            text = await self._asked(cuts[at], offering=offering)
            if isinstance(text, Trouble):
                return text
            texts[at] = text
            low, high, neighbour = (low, at, at - 1) if text.tokens <= self._most_tokens else (at + 1, high, at + 1)
            at = min(max(neighbour, low), high - 1) if len(texts) == 1 else (low + high) // 2
        if not cuts:
            return whole
        found = min(high, len(cuts) - 1)
        self._cut = cuts[found]
        return texts[found]

    def _hopeless(self) -> int:
        """Where to cut off what is far too long for the window, before anybody counts it; 0 where nothing is."""
        most, begins = min(self._most_tokens * LONGEST_TOKEN_BYTES, MOST_BYTES), turns_in(self._all)
        sizes = [bytes_of(each) for each in self._all]
        left = sum(sizes)
        if left <= most or len(begins) < 2:
            return 0
        for begin, end in zip([0, *begins[1:]], begins[1:], strict=False):
            left -= sum(sizes[at] for at in range(begin, end) if self._all[at].role != "system")
            if left <= most:
                return end
        return begins[-1]

    def _guess(self, cuts: list[int], tokens: int) -> int:
        """The first cut that should be enough, if tokens are spread as characters are."""
        sizes = [len(each.content) + _AROUND for each in self._all]
        whole = sum(sizes)
        for at, cut in enumerate(cuts):
            left = sum(size for place, size in enumerate(sizes) if place >= cut or self._all[place].role == "system")
            if left * tokens <= whole * self._most_tokens:
                return at
        return len(cuts) - 1

    async def _asked(self, cut: int, *, offering: bool) -> Templated | Trouble:
        prompt, tools = self._prompt, self._prompt.tools if offering else ()
        messages = (*self._first, *left_behind(self._all, cut))
        return await self._model.template(prompt.model, messages, tools, must_call=offering and prompt.must_call)
