"""What a prompt may cost in tokens, held back when it is accepted, and what it did cost. Pure.

Nobody has counted the prompt's tokens yet when it is accepted, so they are estimated: one for every three bytes of
UTF-8, which is somewhat too many for English and about right for code and for Chinese; a few for each message's frame;
and what the model's chat template and the offer of tools add. For the answer all that it may have is held back. What a
conversation's history adds is known where its turns are: the script that accepts the prompt adds it. Where that was too
little after all, the worker, which has the exact number before it generates, holds back the rest (`hold_back.lua`).
"""

import math

import msgspec

from producers.events import AnswerCancelled, AnswerExpired, PromptSubmitted, Terminal

BYTES_A_TOKEN = 3
FRAME_TOKENS = 8
OFFER_TOKENS = 160
"""What tells a model that it may call tools, besides the tools: TGI's instructions, and the choice to call none."""


def reserved(prompt: PromptSubmitted, most_answer_tokens: int, template_tokens: int) -> int:
    """What is held back for a prompt; `most_answer_tokens` where it does not say how long its answer may be.

    `template_tokens` are what the model's chat template adds to every prompt.
    """
    return (
        template_tokens + asked_tokens(prompt) + prompt.sampling.n * (prompt.sampling.max_tokens or most_answer_tokens)
    )


def spent(ending: Terminal) -> int:
    """What a job did cost: what the server counted; nothing if its answer was not generated.

    What was held back for it where an attempt was cut off that nobody has counted: it took no more than that.
    """
    if ending.cache in {"hit", "semantic"}:
        return 0
    if ending.usage is not None:
        return ending.usage.total_tokens
    if isinstance(ending, AnswerCancelled | AnswerExpired) and ending.uncounted_tokens is not None:
        return ending.uncounted_tokens
    return asked_tokens(ending.prompt) + estimate(ending.text) if ending.text else 0


def asked_tokens(prompt: PromptSubmitted) -> int:
    """About how many tokens the messages and tools of a prompt have."""
    frames = FRAME_TOKENS * (len(prompt.messages) + len(prompt.tools) + (prompt.instructions is not None))
    calls = [call.name + call.arguments for each in prompt.messages for call in each.tool_calls]
    tools = msgspec.json.encode(prompt.tools).decode() if prompt.tools else ""
    said = [prompt.instructions or "", *(each.content for each in prompt.messages), *calls, tools]
    return frames + (OFFER_TOKENS if tools else 0) + estimate("".join(said))


def estimate(text: str) -> int:
    """About how many tokens a text has."""
    return math.ceil(len(text.encode()) / BYTES_A_TOKEN)
