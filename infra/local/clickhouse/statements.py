"""Which way a statement is run, from its text alone."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from infra.local.clickhouse.faults import SYNTAX_ERROR, QueryFault

_NOT_CODE = re.compile(
    r"""
      (?P<blank> \s+ | --[^\n]* | \#[!\s][^\n]* | /\*.*?\*/ )
    | (?P<quoted> '(?:[^'\\]|\\.|'')*' | `(?:[^`\\]|\\.|``)*` | "(?:[^"\\]|\\.|"")*" | (?P<fence>\$\w*\$).*?(?P=fence) )
    | (?P<word> \w+ )
    | (?P<mark> . )
    """,
    re.DOTALL | re.VERBOSE,
)
_READS = frozenset({"SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN", "USE"})


class Way(Enum):
    """How the engine is asked."""

    STREAM = "a result, block by block"
    INSERT = "rows that the client sends"
    WHOLE = "anything else, at once"


@dataclass(frozen=True)
class Statement:
    """A statement and the way it is run.

    For `Way.INSERT`, `text` ends before VALUES or FORMAT, and `sample` selects the columns that the client must send.
    `has_totals`: WITH TOTALS is among its words. `reads`: it changes nothing.
    """

    way: Way
    text: str
    sample: str = ""
    has_totals: bool = False
    reads: bool = False


@dataclass(frozen=True)
class _Token:
    word: str
    start: int
    end: int


def read_statement(query: str, formats: frozenset[str]) -> Statement:
    """Tell the way of a query; a FORMAT is left out, as the client's is always Native.

    Raises:
        QueryFault: no statement, or more than one.
    """
    tokens = _only_one(_tokens(query))
    text = query[tokens[0].start : tokens[-1].end]
    first = tokens[0].word.upper()
    if first == "INSERT":
        return _insert(query, text, tokens)
    text = query[tokens[0].start : _without_format(tokens, formats)[-1].end]
    words = [each.word.upper() for each in tokens]
    if first not in {"SELECT", "WITH", "(", "FROM"} or (first == "WITH" and "INSERT" in words):
        return Statement(Way.WHOLE, text, reads=first in _READS)
    return Statement(Way.STREAM, text, has_totals=("WITH", "TOTALS") in pairwise(words), reads=True)


def with_engine_ids(query: str, engine_id: Callable[[str], str | None]) -> str:
    """A KILL QUERY with the engine's ids in place of those that clients gave; any other query as it is."""
    tokens = _tokens(query)
    if [each.word.upper() for each in tokens[:2]] != ["KILL", "QUERY"]:
        return query
    for token in reversed(tokens):
        if token.word.startswith("'") and (known := engine_id(token.word[1:-1])):
            query = f"{query[: token.start]}'{known}'{query[token.end :]}"
    return query


def _tokens(query: str) -> list[_Token]:
    return [
        _Token(found[0], found.start(), found.end()) for found in _NOT_CODE.finditer(query) if found["blank"] is None
    ]


def _only_one(tokens: list[_Token]) -> list[_Token]:
    while tokens and tokens[-1].word == ";":
        tokens.pop()
    if not tokens:
        raise QueryFault(SYNTAX_ERROR, "Empty query")
    if any(each.word == ";" for each in tokens):
        raise QueryFault(SYNTAX_ERROR, "Syntax error (Multi-statements are not allowed)")
    return tokens


def _without_format(tokens: list[_Token], formats: frozenset[str]) -> list[_Token]:
    if len(tokens) > 2 and tokens[-2].word.upper() == "FORMAT" and tokens[-1].word in formats:
        return tokens[:-2]
    return tokens


def _insert(query: str, text: str, tokens: list[_Token]) -> Statement:
    if len(tokens) > 2 and tokens[-2].word.upper() == "FORMAT":
        kept = tokens[:-2]
    elif tokens[-1].word.upper() == "VALUES":
        kept = tokens[:-1]
    else:
        return Statement(Way.WHOLE, text)
    text = query[kept[0].start : kept[-1].end]
    return Statement(Way.INSERT, text, sample=_sample(query, kept))


def _sample(query: str, tokens: list[_Token]) -> str:
    """The columns that an insert names, selected from its table; all that can be inserted where it names none."""
    words = [each.word.upper() for each in tokens]
    end = words.index("SETTINGS") if "SETTINGS" in words else len(words)
    start = 1
    for word in ("INTO", "TABLE", "FUNCTION"):
        start += words[start : start + 1] == [word]
    after = words.index("(", start, end) if "(" in words[start:end] else end
    if words[start - 1] == "FUNCTION" and after < end:
        after = _after(words, after)
    if after <= start:
        raise QueryFault(SYNTAX_ERROR, "Syntax error: an INSERT without a table")
    target = query[tokens[start].start : tokens[after - 1].end]
    named = words[after:end][:1] == ["("]
    names = query[tokens[after].end : tokens[_after(words, after) - 1].start] if named else "*"
    return f"SELECT {names} FROM {target}"  # noqa: S608 - the client's own words in its own session


def _after(words: list[str], opening: int) -> int:
    """The place after the bracket that closes the one at `opening`."""
    depth = 0
    for place in range(opening, len(words)):
        depth += {"(": 1, ")": -1}.get(words[place], 0)
        if not depth:
            return place + 1
    raise QueryFault(SYNTAX_ERROR, "Syntax error: a bracket that is not closed")
