"""The lines of a batch of embeddings: embedded part by part, each in the store before the next one begins.

No line of it is a job: nobody asks for it but its batch. It is counted as a call of `/v1/embeddings` is, gives way to
those, and holds back as other batches do.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from gateway.access import limits
from gateway.batches import parts
from gateway.batches.asking import Rules, WrongLine, custom_id_of, line_key, texts_asked_by
from gateway.batches.ends import LineAnswered, LineRefused, NotNow, meant_by
from gateway.batches.filling import HOLD_BACK_S, leaves_room
from gateway.batches.lines import Line
from gateway.batches.outputs import LineName, Told, told_of
from gateway.batches.parts import KEPT_AFTER_MS, Part
from gateway.embeddings import asking
from gateway.embeddings.asking import TextsAsked
from gateway.embeddings.embedding import Call, Embeddings, Paid, Payer
from gateway.files.store import FileStore, NotStored
from infra.ids import derived_id
from producers.batches.store import Batch, Progress
from producers.events import KeyIssued, Usage
from producers.files.store import Files
from producers.jobs.intake import Intake, OverQuota
from producers.limits.standing import Stands

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Lines of one batch that are embedded side by side."""
STEP_S = 1.0
"""After so long somebody looks whether the batch is still wanted."""


@dataclass(frozen=True)
class Bench:
    """Where texts are embedded, and where what was made of them is laid down."""

    embeddings: Embeddings
    intake: Intake
    store: FileStore
    files: Files


class Embedding:
    """Embeds part after part, as `Filling` hands in line after line."""

    def __init__(
        self, validated: Batch, lines: AsyncIterator[Line], progress: Progress, rules: Rules, bench: Bench
    ) -> None:
        self.progress = progress
        self.is_done = False
        self._batch = validated.submitted
        self._told_ms = validated.validated.at_ms if validated.validated else 0.0
        """The time of all its calls in the log: a line that is told twice is one row."""
        self._lines = lines
        self._rules = rules
        self._bench = bench
        self._part: Part | None = None
        self._may_be_there = True
        self._under_way: dict[asyncio.Task[LineAnswered | LineRefused | NotNow], Line] = {}
        """Lines that are being embedded."""
        self._counted: set[int] = set()
        self._hold_back_until_s = 0.0

    async def step(self, room: int) -> None:
        """Embed lines for a while, so many at once as there is room for, or find that it is time to hold back.

        Raises:
            Unavailable: Redis or the store does not answer; whoever goes on begins this part anew.
        """
        until_s = asyncio.get_running_loop().time() + STEP_S
        while not self.is_done and (left_s := until_s - asyncio.get_running_loop().time()) > 0:
            self._part = self._part or await self._next_part()
            if self._part is None:
                self.is_done = True
            elif self._may_be_there and (told := await self._found(self._part)) is not None:
                self._pass(self._part, told)
            elif self._part.open:
                self._begin(self._part, min(room, AT_ONCE))
                if not self._under_way:
                    return  # it holds back
                await asyncio.wait(self._under_way, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
                self._take(self._part)
            else:
                await self._keep(self._part)
                self._pass(self._part, list(self._part.told.values()))

    async def aclose(self) -> None:
        """Let go of what is under way: what was held back for it is given back."""
        for each in self._under_way:
            each.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _begin(self, part: Part, most: int) -> None:
        begun = {each.number for each in self._under_way.values()}
        for line in part.open:
            if len(self._under_way) < most and not self._holds_back() and line.number not in begun:
                self._under_way[asyncio.create_task(self._ended(line), name="a line of a batch")] = line

    def _take(self, part: Part) -> None:
        for task in [each for each in self._under_way if each.done()]:
            line = self._under_way.pop(task)
            match task.result():
                case NotNow(after_s=after_s, why=why):
                    if why:
                        log.warning("a batch waits: %s", why, extra={"batch_id": self._batch.batch_id})
                    self._hold_back(after_s)
                case end:
                    name = LineName(
                        line_key(self._batch.batch_id, line.number), custom_id_of(line), self._call_id(line.number)
                    )
                    part.told[line.number] = told_of(name, end)
        answers = sum(each.kind == "answer" for each in part.told.values())
        self.progress = replace(self.progress, beyond_completed=answers, beyond_failed=len(part.told) - answers)

    async def _next_part(self) -> Part | None:
        first = await self._next_line()
        if first is None:
            return None
        part = Part(self._batch.batch_id, first)
        while not part.is_full and (line := await self._next_line()) is not None:
            part.lines.append(line)
        return part

    async def _next_line(self) -> Line | None:
        """Of a lost input there is nothing to embed: its lines are left."""
        line = await anext(self._lines, None)
        return None if line is None or line.is_lost else line

    async def _found(self, part: Part) -> list[Told] | None:
        """What an earlier gateway told in this part, of which Redis does not know: it died, or Redis lost its data."""
        try:
            return await parts.read(self._bench.store, part.name)
        except NotStored:
            self._may_be_there = False
            return None

    async def _keep(self, part: Part) -> None:
        await self._bench.files.doom(part.name, self._batch.expires_ms + KEPT_AFTER_MS)
        await self._bench.store.put(part.name, part.pieces())

    def _pass(self, part: Part, told: Sequence[Told]) -> None:
        before, last = self.progress, part.lines[-1]
        answers = sum(each.kind == "answer" for each in told)
        self.progress = Progress(
            last.number + 1, last.ends_bytes, before.completed + answers, before.failed + len(told) - answers
        )
        self._part = None

    async def _ended(self, line: Line) -> LineAnswered | LineRefused | NotNow:
        """How a line ended, whatever was raised on the way."""
        try:
            asked = texts_asked_by(line, self._batch, self._rules).texts
            paid = await self._paid(asked, line.number)
            return paid if isinstance(paid, NotNow) else _answered(asked, paid)
        except Exception as error:
            return meant_by(error, line.number)

    async def _paid(self, texts: TextsAsked, number: int) -> Paid | NotNow:
        key = self._rules.key
        if key is None or not await self._is_counted(number, key):
            return NotNow(HOLD_BACK_S)
        payer, call = Payer(key, self._rules.of_tenant), Call(self._call_id(number), self._told_ms)
        found = await self._bench.embeddings.embed(texts, payer, call, aside=True)
        if isinstance(found, OverQuota):
            _must_fit_ever(found)
            return NotNow(HOLD_BACK_S)
        self._leave_room(found.stands)
        return found

    def _call_id(self, number: int) -> str:
        return derived_id("emb", line_key(self._batch.batch_id, number))

    async def _is_counted(self, number: int, key: KeyIssued) -> bool:
        """Whether a line counts as a request of its key by now; it does so once."""
        if number not in self._counted:
            found = await self._bench.intake.count(
                limits.buckets(key, limits.WRITES), key.limits, self._rules.of_tenant
            )
            if isinstance(found, OverQuota):
                return False
            self._counted.add(number)
            self._leave_room(found)
        return True

    def _leave_room(self, stands: Stands) -> None:
        if not all(map(leaves_room, stands)):
            self._hold_back(HOLD_BACK_S)

    def _hold_back(self, for_s: float) -> None:
        self._hold_back_until_s = asyncio.get_running_loop().time() + for_s

    def _holds_back(self) -> bool:
        return asyncio.get_running_loop().time() < self._hold_back_until_s


def _answered(asked: TextsAsked, paid: Paid) -> LineAnswered:
    return LineAnswered(asking.answer(asked, paid.found), Usage(paid.found.tokens, 0))


def _must_fit_ever(over: OverQuota) -> None:
    """Refuse texts that took more tokens than a limit ever lets in."""
    it = over.standing
    most = it.tokens_per_day if over.by == "day" else it.tokens_per_minute
    if most is not None and over.tokens > most:
        raise WrongLine("too_large_for_limit", f"This line took {over.tokens} tokens, more than {most}.", "body.input")
