"""An answer and a feedback on it become an example (conventions §12), or not."""

import msgspec

from infra.ids import derived_id
from producers.conversations.shown import shown_of
from producers.events import AnswerCompleted, ExampleReady, FeedbackGiven, Message


class Served(msgspec.Struct, frozen=True):
    """What is kept of a completed answer until feedback on it comes: what the model was shown, and what it said."""

    tenant: str
    model: str
    prompt: tuple[Message, ...]
    text: str


def served(answer: AnswerCompleted) -> Served:
    """What is kept of an answer; its prompt is whole: system, history and turn."""
    prompt = answer.prompt
    return Served(prompt.tenant, prompt.model, shown_of(answer), answer.text)


def partner_of(feedback: FeedbackGiven) -> str | None:
    """The other job whose answer the feedback speaks of: the one preferred to its own."""
    return str(feedback.value) if feedback.kind == "preference" else None


def example_of(feedback: FeedbackGiven, answer: Served, preferred: Served | None) -> ExampleReady | None:
    """The example that a feedback makes of the answer; None where they do not fit together, or it is a call only.

    The id follows from job and feedback, so that an example made twice is one.
    """
    if feedback.tenant != answer.tenant or not answer.text:
        return None
    plain = ExampleReady(
        example_id=derived_id("ex", f"{feedback.job_id}\n{feedback.feedback_id}"),
        job_id=feedback.job_id,
        feedback_id=feedback.feedback_id,
        tenant=feedback.tenant,
        model=answer.model,
        kind=feedback.kind,
        prompt=answer.prompt,
        completion=answer.text,
        comment=feedback.comment,
        tags=feedback.tags,
        at_ms=feedback.at_ms,
    )
    match feedback.kind, feedback.value:
        case "thumb", "up" | "down" as thumb:
            return msgspec.structs.replace(plain, label=thumb == "up")
        case "score", int() | float() as score:
            return msgspec.structs.replace(plain, score=float(score))
        case "comment", str() as comment:
            return msgspec.structs.replace(plain, comment=comment)
        case "correction", str() as corrected:
            return msgspec.structs.replace(plain, chosen=corrected, rejected=answer.text)
        case "preference", str():
            return _preferred(plain, answer, preferred)
        case _:
            return None


def _preferred(plain: ExampleReady, answer: Served, preferred: Served | None) -> ExampleReady | None:
    """A pair to learn from: two answers of one tenant to the same prompt."""
    if preferred is None or (preferred.tenant, preferred.prompt) != (answer.tenant, answer.prompt):
        return None
    return msgspec.structs.replace(plain, chosen=preferred.text, rejected=answer.text)
