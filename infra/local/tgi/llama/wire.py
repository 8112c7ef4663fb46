"""What is said to llama.cpp's own server, and what its answers mean: pure translation, no I/O."""

from collections.abc import Sequence
from typing import Any

from infra.local.tgi.engine import Ask, Piece, Sampling, Token
from infra.local.tgi.errors import EngineFailed
from infra.local.tgi.grammar import grammar

ALL = 1_000_000  # more than any vocabulary holds
_ANY_SEED = 0xFFFF_FFFF  # llama.cpp takes this one as "choose yourself"


def completion_request(ask: Ask) -> dict[str, Any]:
    """The body of its `/completion`.

    Progress is asked for because each progress line is a write, and a failing write is how it notices, while it still
    reads the prompt, that we hung up. A grammar must have been checked: it ignores one that it cannot read.
    """
    request = {
        "prompt": list(ask.ids),
        "n_predict": ask.max_new_tokens,
        "stream": True,
        "return_tokens": True,
        "return_progress": True,
        "n_probs": max(ask.top_n_tokens, 1),
        "cache_prompt": True,
        "response_fields": ["stop", "stop_type", "tokens_predicted"],
        **_sampling(ask.sampling),
        "repeat_last_n": len(ask.ids) + ask.max_new_tokens,
    }
    return request if ask.constraint is None else {**request, "grammar": grammar(ask.constraint)}


def forced_request(prompt: Sequence[int], token: int, n_probs: int = 1) -> dict[str, Any]:
    """The body that forces this next token, to hear how likely it was: that is told as it was before the bias."""
    return {
        "prompt": list(prompt),
        "n_predict": 1,
        "n_probs": n_probs,
        "logit_bias": [[token, 1e6]],
        "temperature": 0.0,
        "samplers": ["temperature"],
        "cache_prompt": True,
        "response_fields": ["completion_probabilities"],
    }


def logprob_of(told: dict[str, Any], token: int) -> float:
    """What the answer to a forced request says of the token.

    Raises:
        EngineFailed: it says nothing of it.
    """
    for chosen in told["completion_probabilities"]:
        for each in (chosen, *chosen["top_logprobs"]):
            if each["id"] == token:
                return float(each["logprob"])
    raise EngineFailed(f"nothing is known of token {token}")


def _sampling(sampling: Sampling) -> dict[str, Any]:
    chosen = {
        "repeat_penalty": sampling.repetition_penalty,
        "frequency_penalty": sampling.frequency_penalty,
    }
    if not sampling.sample:
        return {**chosen, "temperature": 0.0, "samplers": ["penalties", "temperature"]}
    return {
        **chosen,
        "samplers": ["penalties", "temperature", "top_k", "top_p", "typ_p"],
        "temperature": sampling.temperature,
        "top_k": sampling.top_k,
        "top_p": sampling.top_p,
        "typical_p": sampling.typical_p,
        "min_p": 0.0,
        "seed": sampling.seed % _ANY_SEED,
    }


def tokens_of(event: dict[str, Any], made: int) -> list[Token]:
    """The tokens that one streamed event brings, when `made` were there before.

    A character of several tokens comes with its last one only: those before it stand with an empty text, and their ids
    are not told. A token with no text at all is a special one; its text is looked up later.
    """
    if "prompt_progress" in event or event.get("stop") or event.get("stop_type"):
        return []
    probabilities = event["completion_probabilities"][0]
    top = tuple(Token(each["id"], each["token"], each["logprob"]) for each in probabilities["top_logprobs"])
    text = event["content"]
    last = Token(event["tokens"][0], text, probabilities["logprob"], special=not text, top=top)
    return [Token(0, "", last.logprob)] * (event["tokens_predicted"] - made - 1) + [last]


def failure_of(event: dict[str, Any]) -> str:
    """What it says went wrong."""
    error = event.get("error", event)
    return str(error.get("message", error)) if isinstance(error, dict) else str(error)


def pieces_of(text: str, tokens: list[dict[str, Any]]) -> list[Piece]:
    """Its tokens with their places in bytes; those of one character share its range, as in TGI."""
    raw = text.encode()
    found: list[Piece] = []
    at = 0
    for each in tokens:
        piece = each["piece"]
        length = len(piece.encode()) if isinstance(piece, str) else len(piece)
        start, stop = _whole_characters(raw, at, at + length)
        found.append(Piece(each["id"], raw[start:stop].decode(), start, stop))
        at += length
    return found


def _whole_characters(raw: bytes, start: int, stop: int) -> tuple[int, int]:
    while start > 0 and raw[start] & 0xC0 == 0x80:
        start -= 1
    while stop < len(raw) and raw[stop] & 0xC0 == 0x80:
        stop += 1
    return start, stop
