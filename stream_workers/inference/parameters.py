"""From OpenAI's sampling parameters to TGI's: pure.

The two differ where it hurts (all observed on TGI 3.3): a temperature of 0 and a `top_p` of 1 are refused, `stop` takes
few strings, a presence penalty does not exist, and a limit over 1,024 tokens is honoured in rounds of 1,024.
Without a temperature the model answers greedily, so that the same prompt has the same answer and may be cached.
"""

from dataclasses import dataclass

from text_generation.types import Grammar, Parameters

from producers.events import Sampling

_SEED_RANGE = 2**64
_WEAKEST_REPETITION = 0.05


@dataclass(frozen=True)
class Limits:
    """What the model server says it takes (`/info`)."""

    max_input_tokens: int
    max_total_tokens: int
    max_stop_sequences: int
    max_concurrent_requests: int = 0
    """0 where it does not say."""


@dataclass(frozen=True)
class TooLong:
    """The prompt leaves no room for an answer in the model's window."""

    prompt_tokens: int
    window_tokens: int


def budget_tokens(sampling: Sampling, prompt_tokens: int, limits: Limits, most_tokens: int) -> int | TooLong:
    """How many tokens the answer may have; at most `most_tokens` where the prompt does not say."""
    room = limits.max_total_tokens - prompt_tokens
    if prompt_tokens > limits.max_input_tokens or room < 1:
        return TooLong(prompt_tokens, min(limits.max_total_tokens, limits.max_input_tokens))
    return min(sampling.max_tokens or most_tokens, room)


def most_prompt_tokens(sampling: Sampling, limits: Limits) -> int:
    """How long a prompt may be that leaves room for its answer: for what was asked, or a quarter of the window.

    More than half of the window is kept for no answer.
    """
    window = limits.max_total_tokens
    wanted = window // 4 if sampling.max_tokens is None else min(sampling.max_tokens, window // 2)
    return min(limits.max_input_tokens, window - wanted)


def parameters(
    sampling: Sampling, budget: int, limits: Limits, *, number: int = 0, grammar: Grammar | None = None
) -> Parameters:
    """TGI's parameters for one choice; what they cannot say (many stop strings, long budgets) the caller sees to.

    Of several choices under one seed each has its own, or all would be the same.
    """
    made = Parameters(max_new_tokens=budget, details=True, grammar=grammar)
    if samples(sampling):
        made.do_sample = True
        made.temperature = sampling.temperature if sampling.temperature != 1.0 else None
        if sampling.top_p is not None and sampling.top_p < 1.0:
            made.top_p = sampling.top_p
    if sampling.seed is not None:
        made.seed = (sampling.seed + number) % _SEED_RANGE
    if sampling.top_logprobs:
        made.top_n_tokens = sampling.top_logprobs
    stops = [each for each in sampling.stop if each]
    if len(stops) <= limits.max_stop_sequences:
        made.stop = stops
    # Set past the type's own validators: they refuse the negative penalties that TGI and OpenAI both take.
    if sampling.frequency_penalty:
        made.frequency_penalty = sampling.frequency_penalty
    if sampling.presence_penalty:
        made.repetition_penalty = max(1.0 + sampling.presence_penalty / 2, _WEAKEST_REPETITION)
    return made


def samples(sampling: Sampling) -> bool:
    """Whether tokens are drawn by chance: only when a temperature or a `top_p` asks for it."""
    if sampling.temperature == 0 or sampling.top_p == 0:
        return False
    return sampling.temperature is not None or (sampling.top_p is not None and sampling.top_p < 1.0)
