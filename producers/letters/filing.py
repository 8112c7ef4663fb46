"""What the scripts are told of dead letters, by whoever wrote the event and by the state view alike."""

from producers.events import Buried, Discarded, LetterEvent, Redriven
from producers.letters.letter import prompt_in
from producers.log import codec
from producers.log.dead_letters import id_of
from producers.state.retention import Retention
from producers.state.scripts import Argument


def of_event(event: Redriven | Discarded) -> tuple[Argument, ...]:
    """What is said, of which letter, and the event."""
    what = f"redriven:{event.number}" if isinstance(event, Redriven) else "discarded"
    return what, event.letter_id, codec.encode(event)


def of_record(event: LetterEvent, timestamp_ms: float, retention: Retention) -> tuple[Argument, ...]:
    """The same of any event; of a burial also its time, how long it is kept, its reason, job, tenant and model."""
    if not isinstance(event, Buried):
        return *of_event(event), "", "", "", "", "", ""
    prompt = prompt_in(event) if event.origin_topic.startswith("prompts.") else None
    tenant, model = ("", "") if prompt is None else (prompt.tenant, prompt.model)
    at = f"{event.at_ms or timestamp_ms:.3f}"
    about = event.reason, event.job_id or "", tenant, model
    return "buried", id_of(event), codec.encode(event), at, retention.job_ms, *about
