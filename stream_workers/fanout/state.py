"""What a record of the log does in the state view."""

from collections.abc import Sequence

from infra.clock import Clock
from infra.telemetry.metrics import Metrics
from producers.events import ConversationCreated, ConversationDeleted, ConversationUpdated, Ending, PromptSubmitted
from producers.jobs.positions import Move, Seek
from producers.jobs.scripts import Call, Scripts
from producers.jobs.view import TOPICS, StateView
from stream_workers.views.records import Done, ReadRecord, Stuck, run_steps


class StateFollower:
    """Applies prompts, endings and conversations; counts the endings that came after the first of their job."""

    topics = TOPICS

    def __init__(self, state: StateView, scripts: Scripts, clock: Clock, metrics: Metrics) -> None:
        self.positions = state.positions
        self._state = state
        self._scripts = scripts
        self._clock = clock
        self._duplicates, self._late = metrics.duplicates, metrics.late_prompts

    async def apply(self, batch: Sequence[ReadRecord]) -> Done | Seek | Stuck:
        """Apply records of one partition in their order, each with its offset.

        Raises:
            Unavailable: Redis does not answer; any of the records may be in.
        """
        outcome = await run_steps(self._scripts, [(each.move, self._step(each)) for each in batch])
        if isinstance(outcome, Done):
            self._duplicates.inc(outcome.results.count("duplicate"))
            self._late.inc(outcome.results.count("late"))
        return outcome

    def _step(self, told: ReadRecord) -> Call:
        move: Move = told.move
        match told.event:
            case PromptSubmitted() as prompt:
                return self._state.prompt(prompt, move)
            case Ending() as ending:
                return self._state.ending(ending, move, self._clock.now_ms())  # type: ignore[arg-type] # all its classes
            case ConversationCreated() | ConversationUpdated() | ConversationDeleted() as event:
                return self._state.conversation(event, move)
            case _:
                return self.positions.passing(move)
