"""What is said of a job whose ending does not fit into a record of the log: that it failed, and why."""

import msgspec

from producers.events import AnswerFailed, JobError, PromptSubmitted, Sampling, Terminal
from producers.log import codec

CODE = "answer_too_large"
_PROMPT_BYTES = 3 * 1024 * 1024
"""A prompt larger than this is left out, too: with the rest around it, it might not fit either."""


def failed_instead(ending: Terminal) -> AnswerFailed:
    """The failure to publish in place of an ending that is too large; the same whoever makes it.

    What had failed before keeps its error: it is its prompt alone that is too large.
    """
    message = f"The answer and its prompt are too large to be kept: {len(codec.encode(ending))} bytes."
    return AnswerFailed(
        job_id=ending.job_id,
        prompt=_kept(ending.prompt),
        attempt=ending.attempt,
        usage=ending.usage,
        worker=ending.worker,
        timeline=ending.timeline,
        error=ending.error if isinstance(ending, AnswerFailed) else JobError(message, code=CODE),
    )


def _kept(prompt: PromptSubmitted) -> PromptSubmitted:
    if len(codec.encode(prompt)) <= _PROMPT_BYTES:
        return prompt
    return msgspec.structs.replace(
        prompt, messages=(), instructions=None, tools=(), format=None, metadata={}, sampling=Sampling()
    )
