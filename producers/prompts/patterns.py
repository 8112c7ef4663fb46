"""Regular expressions in schemas: whether they are some, and which can stand between the quotes of JSON. Pure.

Grammars that make a regular expression of a schema (outlines) put a `pattern` between quotes as it stands. What matches
it is JSON then only if nothing that matches can be a quote, a backslash or a control character.
"""

import re
import warnings
from collections.abc import Iterable
from re import _constants as ops  # type: ignore[attr-defined, unused-ignore] # the stubs do not know it
from re import _parser as parser  # type: ignore[attr-defined, unused-ignore]
from typing import Any, Final

_LAST_CONTROL, _QUOTE, _BACKSLASH = 0x1F, ord('"'), ord("\\")
_IN_JSON: Final = r'[^"\\\x00-\x1f]*'
_READ_OTHERWISE: Final = ("&&", "--", "~~", "(?#")
"""What Rust's regular expressions, of which grammars are made, read as something else than Python's."""


def can_be_read(pattern: Any) -> bool:
    """Whether it is a regular expression."""
    return isinstance(pattern, str) and _parsed(pattern) is not None


def between_quotes(pattern: str) -> str | None:
    """What to put between quotes so that JSON whose text fits the pattern comes of it; None where nothing does so.

    Without anchors the whole text is to match, which is what outlines makes of a pattern; with one alone, whatever
    stands on the other side may follow.
    """
    begins, ends = pattern.startswith("^"), _ends_with_anchor(pattern)
    inner = pattern[begins : len(pattern) - ends]
    parsed = None if any(each in pattern for each in _READ_OTHERWISE) else _parsed(inner)
    if parsed is None or parsed.state.flags != re.UNICODE or parsed.state.groupdict or not _stays_within(parsed):
        return None
    before, after = _IN_JSON if ends > begins else "", _IN_JSON if begins > ends else ""
    return f"{before}(?:{inner}){after}"


def _ends_with_anchor(pattern: str) -> bool:
    before = pattern[:-1]
    return pattern.endswith("$") and (len(before) - len(before.rstrip("\\"))) % 2 == 0


def _parsed(pattern: str) -> Any:
    """As Python reads it: to parse takes a part of the time that to compile takes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return parser.parse(pattern)
        except (re.error, OverflowError, RecursionError):
            return None


def _stays_within(items: Iterable[Any]) -> bool:
    """Whether no text that matches holds a quote, a backslash or a control character."""
    return all(_is_within(op, given) for op, given in items)


def _is_within(op: Any, given: Any) -> bool:
    match op:
        case ops.LITERAL:
            return _is_text(given, given)
        case ops.IN:
            return all(map(_in_class_is_within, given))
        case ops.MAX_REPEAT | ops.MIN_REPEAT:
            return _stays_within(given[2])
        case ops.SUBPATTERN:
            _, added, removed, inner = given
            return not added and not removed and _stays_within(inner)
        case ops.BRANCH:
            return all(map(_stays_within, given[1]))
        case _:  # any character, none of some, an anchor, a look around, a reference
            return False


def _in_class_is_within(item: Any) -> bool:
    match item:
        case (ops.LITERAL, char):
            return _is_text(char, char) and char != ord("[")  # by which Rust begins a class within the class
        case (ops.RANGE, (first, last)):
            return _is_text(first, last)
        case (ops.CATEGORY, kind):
            return kind in {ops.CATEGORY_DIGIT, ops.CATEGORY_WORD}
        case _:
            return False


def _is_text(first: int, last: int) -> bool:
    return first > _LAST_CONTROL and not any(first <= each <= last for each in (_QUOTE, _BACKSLASH))
