"""A dead letter as people are shown it, by API and command line alike. Pure."""

from typing import Any, Literal

from producers.events import PromptSubmitted, Redriven
from producers.letters import rewriting
from producers.letters.letter import Letter

Redrivable = Literal["as_it_was", "edited", "no"]


def redrivable(letter: Letter, prompt: PromptSubmitted | None) -> Redrivable:
    """How a letter can be redriven, as far as itself tells: a key or a model may speak against it still."""
    if not letter.is_of_prompt or letter.state == "discarded":
        return "no"
    return "edited" if prompt is None or prompt.conversation is not None else "as_it_was"


def plain(letter: Letter) -> dict[str, Any]:
    """A letter as people are shown it, by API and command line alike: without its bytes."""
    buried, discarded = letter.buried, letter.discarded
    return {
        "id": letter.id,
        "object": "dead_letter",
        "state": letter.state,
        "reason": buried.reason,
        "error": buried.error,
        "first_error": buried.first_error or None,
        "attempts": buried.attempts,
        "job": buried.job_id,
        "tenant": letter.tenant,
        "model": letter.model,
        "origin": {
            "topic": buried.origin_topic,
            "partition": buried.origin_partition,
            "offset": buried.origin_offset,
        },
        "buried_at": int(letter.buried_ms // 1000),
        "redrives": [_plain_redrive(each) for each in letter.redrives],
        "discarded": None
        if discarded is None
        else {"note": discarded.note, "by": discarded.by, "at": int(discarded.at_ms // 1000)},
    }


def in_full(letter: Letter, prompt: PromptSubmitted | None) -> dict[str, Any]:
    """The same with its prompt, as a body that can be edited and handed in, and the record's bytes."""
    return {
        **plain(letter),
        "redrivable": redrivable(letter, prompt),
        "conversation": None if prompt is None else prompt.conversation,
        "prompt": None if prompt is None else rewriting.body_of(prompt),
        "payload_base64": letter.buried.payload_base64,
    }


def _plain_redrive(redriven: Redriven) -> dict[str, Any]:
    return {
        "number": redriven.number,
        "job": redriven.job_id,
        "edited": redriven.edited,
        "by": redriven.by,
        "at": int(redriven.at_ms // 1000),
    }
