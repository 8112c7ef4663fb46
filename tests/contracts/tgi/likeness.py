"""Where our answer is unlike the one TGI gave: all is compared but what follows from the model and the clock."""

import json
import re
from typing import Any

from tests.contracts.tgi.exchanges import Reply, Response

DONE = "data: [DONE]\n\n"
# What is told apart from the framing: how a body's length is given, and when.
UNCOMPARED = {"date", "content-length", "transfer-encoding"}
# Told in numbers that are the clock's or the model's.
MEASURED = re.compile(r"x-(compute-time|total-time|\w+-time|time-per-token|\w+-tokens|compute-characters)")
SAME_TEXT = {"object", "role", "type", "model", "owned_by", "name", "system_fingerprint", "error_type"}
REASONS = {"length", "stop", "eos_token", "stop_sequence"}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def differences(wanted: Response, got: Reply) -> list[str]:
    """Each difference in words."""
    found = [] if wanted.status == got.status else [f"status {got.status}, not {wanted.status}: {got.body[:300]}"]
    found += _header_differences(wanted.headers, got.headers)
    if wanted.events is not None:
        if got.events is None:
            return [*found, f"no stream of events: {got.body[:200]!r}"]
        return found + _stream_differences(wanted.events, got.events)
    if got.events is not None:
        return [*found, "a stream of events"]
    return found if wanted.body is None else found + _body_differences(wanted.body, got.body)


def _header_differences(wanted: dict[str, str], got: dict[str, str]) -> list[str]:
    names = (wanted.keys() | got.keys()) - UNCOMPARED
    return [
        f"header {name}: {got.get(name)}, not {wanted.get(name)}"
        for name in sorted(names)
        if (name in wanted) != (name in got) or (not MEASURED.fullmatch(name) and wanted[name] != got[name])
    ]


def _body_differences(wanted: str, got: str) -> list[str]:
    if wanted[:1] not in {"{", "["}:
        return [] if wanted == got else [f"body {got[:300]!r}, not {wanted[:300]!r}"]
    if got[:1] not in {"{", "["}:
        return [f"no JSON: {got[:300]!r}"]
    return _json_differences(json.loads(wanted), json.loads(got))


def _json_differences(wanted: Any, got: Any) -> list[str]:
    if isinstance(wanted, dict) and "error" in wanted:
        return [] if _error(wanted) == _error(got) else [f"error {got}, not {wanted}"]
    return [] if outline(wanted) == outline(got) else [f"shape {outline(got)}, not {outline(wanted)}"]


def _error(body: Any) -> Any:
    """An error without the counts of tokens, and without what it cites of the model's text."""
    if isinstance(body, str):
        cited = re.sub(r"(Failed to parse generated text): .*", r"\1", body)
        return re.sub(r"Given: \d+( `inputs` tokens)?", "Given: N", cited)
    return [(name, _error(value)) for name, value in body.items()] if isinstance(body, dict) else body


def _stream_differences(wanted: list[str], got: list[str]) -> list[str]:
    found = [f"no event in a chunk of its own: {each!r}" for each in got if not re.fullmatch(r"(data: .*|:)\n\n", each)]
    wanted, got = [[each for each in chunks if each != ":\n\n"] for chunks in (wanted, got)]
    if (wanted[-1:] == [DONE]) != (got[-1:] == [DONE]) or DONE in got[:-1]:
        found.append(f"the stream ends with {got[-1:]}, not {wanted[-1:]}")
    if found:
        return found
    wanted_events, events = [[json.loads(each[6:]) for each in chunks if each != DONE] for chunks in (wanted, got)]
    known = [outline(each) for each in wanted_events]
    if bool(known) != bool(events) or (known and outline(events[-1]) != known[-1]):
        found.append(f"last event {events[-1:]}, not {wanted_events[-1:]}")
    # The one whose first token was its last says nothing of those between.
    if len(known) > 1:
        found += [f"TGI sends no such event: {each}" for each in events[:-1] if outline(each) not in known]
    if wanted_events and "error" in wanted_events[-1]:
        found += _json_differences(wanted_events[-1], events[-1])
    return found


def outline(value: Any, name: str = "") -> Any:
    """Names in their order, kinds of values, and the values that are always the same; of a list the kinds of items."""
    match value:
        case dict():
            return [(key, outline(each, key)) for key, each in value.items()]
        case list():
            kinds: list[Any] = []
            for item in value:
                kind = outline(item, name)
                kinds += [] if kind in kinds else [kind]
            return ("list of", kinds)
        case bool() | None:
            return "bool" if isinstance(value, bool) else None
        case int():
            return "integer"
        case float():
            return "number"
        case str() if name == "finish_reason":
            return "reason" if value in REASONS else value
        case str() if name in SAME_TEXT or name == "id":
            return "uuid" if UUID.fullmatch(value) else value
        case _:
            return "text"
