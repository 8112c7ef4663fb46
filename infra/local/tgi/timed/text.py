"""The text of the timed server: derived from the prompt, so that an answer proves whose it is.

The words follow from the prompt up to the last assistant header (and the seed, if one is given); what stands after that
header was answered already, so a cut answer that is sent back is continued word for word.
"""

import hashlib
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

ASSISTANT_HEADER = "<|im_start|>assistant\n"
SPECIAL_IDS = {"<|im_start|>": 1, "<|im_end|>": 2}
ANSWER_TOKENS = 24
VOCABULARY = 49_152

_PIECE = re.compile(r"<\|im_start\|>|<\|im_end\|>|[^\S\n]?[^\s<]+|\n|[^\S\n]|<")
_JSON_PIECE = re.compile(r"\w+|\W")
_CONSONANTS = "bdfghjklmnprstvz"
_VOWELS = "aeio"
_WORDS_A_BLOCK = 16


@dataclass(frozen=True, slots=True)
class Place:
    """Whose words come next, and from which one on."""

    key: str
    index: int
    spaced: bool


def place(inputs: str, seed: int | None = None) -> Place:
    """Where the answer to this prompt stands."""
    head, header, shown = inputs.rpartition(ASSISTANT_HEADER)
    if not header:
        return Place(f"{seed}:{inputs}", 0, spaced=not inputs[-1:].isspace())
    return Place(f"{seed}:{head}{header}", len(pieces(shown)), spaced=bool(shown) and not shown[-1].isspace())


def pieces(text: str) -> list[str]:
    """The text's tokens: words with the space before them, line ends, the two headers."""
    return _PIECE.findall(text)


def token_id(piece: str) -> int:
    """A stable id in the model's vocabulary."""
    return SPECIAL_IDS.get(piece) or 3 + zlib.crc32(piece.encode()) % (VOCABULARY - 3)


def words(where: Place, count: int) -> list[str]:
    """The next `count` tokens from that place on, each with its space."""
    found: list[str] = []
    for block in range(where.index // _WORDS_A_BLOCK, (where.index + count) // _WORDS_A_BLOCK + 1):
        digest = hashlib.sha256(f"{block}:{where.key}".encode()).digest()
        found += [_word(digest[i], digest[i + 1]) for i in range(0, 2 * _WORDS_A_BLOCK, 2)]
    start = where.index % _WORDS_A_BLOCK
    spaced = [f" {each}" for each in found[start : start + count]]
    if spaced and not where.spaced:
        spaced[0] = spaced[0][1:]
    return spaced


def _word(high: int, low: int) -> str:
    """Five letters of sixteen bits: no two pairs of bytes make the same word."""
    return (
        _CONSONANTS[high >> 4]
        + _VOWELS[(high >> 2) & 3]
        + _CONSONANTS[(high & 3) << 2 | low >> 6]
        + _VOWELS[(low >> 4) & 3]
        + _CONSONANTS[low & 15]
    )


def answer_words(inputs: str, most: int, *, seed: int | None = None, answer_tokens: int = ANSWER_TOKENS) -> list[str]:
    """The tokens that are still to come for this prompt, `most` at most (the end of sequence is not among them)."""
    where = place(inputs, seed)
    return words(where, min(max(answer_tokens - where.index, 0), most))


def predicted_text(
    inputs: str, max_new_tokens: int, *, seed: int | None = None, answer_tokens: int = ANSWER_TOKENS
) -> str:
    """The text that the timed server generates for this prompt: what tests and benchmarks compare with."""
    return "".join(answer_words(inputs, max_new_tokens, seed=seed, answer_tokens=answer_tokens))


def json_pieces(schema: dict[str, Any], words: Iterator[str]) -> list[str]:
    """The tokens of the plainest value that fits the schema, with derived words."""
    return _JSON_PIECE.findall(json.dumps(_value(schema, words), separators=(",", ":"), ensure_ascii=False))


def _value(schema: Any, words: Iterator[str]) -> Any:
    if not isinstance(schema, dict):
        return None
    for key in ("const", "enum", "anyOf", "oneOf"):
        if key in schema:
            given = schema[key]
            return given if key == "const" else given[0] if key == "enum" else _value(given[0], words)
    kind = schema.get("type", "object")
    match kind[0] if isinstance(kind, list) else kind:
        case "string":
            return next(words).strip()[: schema.get("maxLength", 99)]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "array":
            return [_value(schema.get("items", {}), words) for _ in range(schema.get("minItems", 1))]
        case "null":
            return None
        case _:
            return {name: _value(each, words) for name, each in schema.get("properties", {}).items()}
