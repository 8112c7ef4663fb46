"""What a record of the log does in the state view."""

from collections.abc import Sequence

from infra.clock import Clock
from infra.telemetry.metrics import Metrics
from producers.events import (
    BatchEvent,
    CompletionUpdated,
    ConversationEvent,
    Ending,
    FileEvent,
    LetterEvent,
    PromptSubmitted,
    ResponseDeleted,
    TextsEmbedded,
)
from producers.state.positions import Move, Seek
from producers.state.scripts import Call, Scripts
from producers.state.view import TOPICS
from stream_workers.fanout.state_view import StateView
from stream_workers.views.records import Done, ReadRecord, Stuck, run_steps


class StateFollower:
    """Applies all that is said on its topics; counts the endings after the first of their job."""

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
            case ResponseDeleted() as deleted:
                return self._state.forgotten(deleted, move)
            case TextsEmbedded() as embedded:
                return self._state.embedded(embedded, move)
            case CompletionUpdated() as updated:
                return self._state.updated(updated, move)
            case event if isinstance(event, ConversationEvent):
                return self._state.conversation(event, move)
            case event if isinstance(event, FileEvent):
                return self._state.file(event, move)
            case event if isinstance(event, BatchEvent):
                return self._state.batch(event, move)
            case event if isinstance(event, LetterEvent):
                return self._state.letter(event, move)
            case _:
                return self.positions.passing(move)
