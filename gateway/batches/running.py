"""One batch, from where it stands to its end: checked, filled, written. Each step may be done twice.

What a step leaves is in the log before the next one begins. A process that dies in between is followed by another,
which begins that step anew: it checks again, finds the jobs that were handed in by their ids, or writes the same files.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import Final

from gateway.batches.asking import EMBEDDINGS
from gateway.batches.checking import Checking
from gateway.batches.embedding import Bench
from gateway.batches.ends import Left
from gateway.batches.filling import Desks
from gateway.batches.holding import Held
from gateway.batches.inputs import Input
from gateway.batches.kinds import JobLines, Kind, TextLines
from gateway.batches.writing import BatchFiles, Outputs
from gateway.files.store import NotStored
from infra.errors import Unavailable
from producers.events import BatchEnded, BatchFinalizing, BatchStatus, BatchValidated, LineError

log = logging.getLogger(__name__)

INPUT_GONE: Final = LineError(
    "input_file_gone",
    "The input file is no longer in the store. Lines are named line-1, line-2 and so on: their own names went with it.",
)
_KEY_UNUSABLE: Final = LineError("key_unusable", "The API key of this batch was revoked or has expired.")


class Running:
    """Runs one batch that is held."""

    def __init__(self, held: Held, input: Input, kind: Kind, outputs: Outputs) -> None:
        self._held = held
        self._input = input
        self._kind = kind
        self._outputs = outputs

    async def run(self, room: Callable[[], int]) -> BatchStatus:
        """Run it to its end, with as many lines in flight as there is room for; waits for whatever is away.

        Raises:
            LeaseLost: its lease is another's.
        """
        while True:
            try:
                return await self._run(room)
            except Unavailable as error:
                log.warning("a batch waits: %s", error, extra={"batch_id": self._held.batch.id})
                await asyncio.sleep(error.after_s)

    async def _run(self, room: Callable[[], int]) -> BatchStatus:
        held = self._held
        await held.look()
        if held.batch.status == "validating" and held.left is None and (wrong := await self._check()):
            return await self._end("failed", errors=wrong)
        if held.batch.validated is not None and held.batch.finalizing is None:
            await self._kind.fill(room)
        return await self._finish()

    async def _check(self) -> tuple[LineError, ...]:
        """What is wrong with the lines; where nothing is, all know so from here on."""
        try:
            checking = await self._checked()
        except NotStored:
            return (INPUT_GONE,)
        if not checking.errors:
            who, now_ms = self._held.batch.submitted, self._held.now_ms()
            about, model = {"batch_id": who.batch_id, "tenant": who.tenant}, checking.model or ""
            await self._held.say(BatchValidated(**about, model=model, lines=checking.lines, at_ms=now_ms))
        return tuple(checking.errors)

    async def _checked(self) -> Checking:
        checking = Checking(self._held.batch.submitted, self._held.rules())
        async with aclosing(self._input.lines()) as found:
            async for line in found:
                checking.take(line)
                if checking.is_over:
                    break
        checking.end()
        return checking

    async def _finish(self) -> BatchStatus:
        held, left = self._held, self._held.left
        if held.batch.finalizing is None and left != "cancelled":
            who = held.batch.submitted
            await held.say(BatchFinalizing(batch_id=who.batch_id, tenant=who.tenant, at_ms=held.now_ms()))
        written = BatchFiles()
        if held.batch.validated is not None:
            telling = self._kind.telling(left or ("gone" if self._input.is_lost else "failed"))
            async with aclosing(self._input.lines()) as found:
                written = await self._outputs.write(found, telling)
        revoked = (_KEY_UNUSABLE,) if held.rules().key is None else ()
        errors = revoked + ((INPUT_GONE,) if self._input.is_lost else ())
        status = await self._end(self._came_to(left, written), written, errors)
        with suppress(Unavailable):  # what is not tidied up goes in its time
            await self._kind.tidy()
        return status

    def _came_to(self, left: Left | None, written: BatchFiles) -> BatchStatus:
        if left == "cancelled":
            return "cancelled"
        if left == "expired" and (written.tally.left or not self._held.batch.validated):
            return "expired"
        return "failed" if self._input.is_lost and written.tally.left else "completed"

    async def _end(
        self, status: BatchStatus, written: BatchFiles | None = None, errors: tuple[LineError, ...] = ()
    ) -> BatchStatus:
        who, written = self._held.batch.submitted, written or BatchFiles()
        tally, name = written.tally, self._outputs.name
        await self._held.say(
            BatchEnded(
                batch_id=who.batch_id, tenant=who.tenant, status=status, completed=tally.completed,
                failed=tally.failed, usage=tally.usage, output_file_id=name("output", written),
                error_file_id=name("error", written), errors=errors, key_id=who.key_id, webhook=who.webhook,
                metadata=who.metadata, at_ms=self._held.now_ms(),
            )
        )  # fmt: skip
        return status


def taken_up(held: Held, desks: Desks, bench: Bench) -> Running:
    """A batch is taken up: what its lines become is chosen here, once."""
    given, outputs = Input(held, bench.store), Outputs(held, bench.store, bench.files)
    embeds = held.batch.submitted.endpoint == EMBEDDINGS
    return Running(held, given, TextLines(held, given, bench) if embeds else JobLines(held, given, desks), outputs)
