"""What became of the lines that are jobs, as the log and Redis know them."""

from collections.abc import Sequence

from gateway.batches import standing
from gateway.batches.asking import Rules, asked_by, custom_id_of, job_id_of, line_key
from gateway.batches.ends import Left, LineEnd, LineLeft, LineRefused, meant_by
from gateway.batches.lines import Line
from gateway.batches.outputs import LineName, Told, end_of, told_of
from producers.events import BatchSubmitted, Terminal
from producers.log import codec
from producers.state.scripts import Scripts


class JobsTold:
    """Tells of each line how its job ended, or why it has none."""

    def __init__(self, batch: BatchSubmitted, scripts: Scripts, rules: Rules, left: Left) -> None:
        self._batch = batch
        self._scripts = scripts
        self._rules = rules
        self._left = left

    async def told(self, lines: Sequence[Line]) -> list[Told]:
        """What is told of these lines.

        Raises:
            Unavailable: Redis does not answer, or the view is not whole.
        """
        jobs = [job_id_of(self._batch.batch_id, each.number) for each in lines]
        found = await standing.endings(self._scripts, jobs)
        return [self._told(line, job, ending) for line, job, ending in zip(lines, jobs, found, strict=True)]

    def left(self, line: Line) -> Told:
        """What is told of a line that is left over."""
        return told_of(self._name(line, job_id_of(self._batch.batch_id, line.number)), LineLeft(self._left))

    def _told(self, line: Line, job_id: str, ending: bytes | None) -> Told:
        name = self._name(line, job_id)
        try:
            return told_of(name, self._end(line, ending))
        except Exception as error:
            meant = meant_by(error, line.number)
            return told_of(name, meant if isinstance(meant, LineRefused) else LineLeft(self._left))

    def _name(self, line: Line, job_id: str) -> LineName:
        return LineName(line_key(self._batch.batch_id, line.number), custom_id_of(line), job_id)

    def _end(self, line: Line, ending: bytes | None) -> LineEnd:
        """How a line ended; one without a job that would not be accepted says why."""
        if ending is not None:
            return end_of(codec.decode_as(Terminal, ending), self._left)
        if not line.is_lost:
            asked_by(line, self._batch, self._rules, self._batch.at_ms)
        return LineLeft(self._left)
