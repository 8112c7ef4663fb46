"""The references within a JSON schema: each leads somewhere, and something finite fits there. Pure.

A part that must hold itself again has no end: a grammar of it runs until the answer is cut off.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from infra.errors import WrongField
from producers.prompts.followed import all_parts, types_of


def check(where: str, schema: dict[str, Any], *, defined_only: bool = False) -> None:
    """Check them all; `defined_only` lets them lead to `$defs` and `definitions` only.

    Raises:
        WrongField: `where`; the message names the place in it.
    """
    targets: dict[str, Any] = {}
    found = list(all_parts(where, schema))
    schemas = {id(each.node) for each in found}
    referring = [each for each in found if "$ref" in each.node]
    for each in referring:
        reference = each.node["$ref"]
        target = _target(schema, reference) if isinstance(reference, str) else None
        if (id(target) not in schemas and target is not False) or (
            defined_only and not reference.startswith(("#/$defs/", "#/definitions/"))
        ):
            raise WrongField(f"{each.path}.$ref: {str(reference)[:80]!r} is no schema that can be referred to.", where)
        targets[reference] = target
    fitting = _Fitting(targets)
    for each in referring:
        if not fitting.is_finite(targets[each.node["$ref"]]):
            raise WrongField(f"{each.path} must hold itself again without end: nothing finite fits.", where)


def _target(schema: dict[str, Any], reference: str) -> Any:
    """What a JSON pointer leads to; None where that is nothing, or the pointer is none."""
    if reference != "#" and not reference.startswith("#/"):
        return None
    found: Any = schema
    for step in unquote(reference).split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and key.isascii() and key.isdigit():
            found = found[int(key)] if len(key) < 6 and int(key) < len(found) else None
        else:
            found = found.get(key) if isinstance(found, dict) else None
    return found


@dataclass(eq=False)
class _Need:
    """Something finite fits a part, or one of some choices, once nothing is missing of what it needs."""

    missing: int
    needed_by: "list[_Need]" = field(default_factory=list)


class _Fitting:
    """What something finite fits, of all that is referred to: each part is looked at once, and each need met once."""

    def __init__(self, targets: dict[str, Any]) -> None:
        self._targets = targets
        self._needs: dict[int, _Need] = {}
        self._unread: list[dict[str, Any]] = []
        for each in targets.values():
            self._need(each)
        while self._unread:
            self._read(self._unread.pop())
        met = [each for each in self._needs.values() if not each.missing]
        while met:
            for each in met.pop().needed_by:
                each.missing -= 1
                if not each.missing:
                    met.append(each)

    def is_finite(self, node: Any) -> bool:
        """Whether something finite fits what is referred to."""
        return self._need(node).missing <= 0

    def _need(self, node: Any) -> _Need:
        if id(node) not in self._needs:
            self._needs[id(node)] = _Need(int(node is False))
            if isinstance(node, dict):
                self._unread.append(node)
        return self._needs[id(node)]

    def _read(self, node: dict[str, Any]) -> None:
        need = self._needs[id(node)]
        for choices in _asked(node, self._targets):
            need.missing += 1
            if len(choices) == 1:
                self._need(choices[0]).needed_by.append(need)
                continue
            one_of = _Need(1, [need])
            for each in choices:
                self._need(each).needed_by.append(one_of)


def _asked(node: dict[str, Any], targets: dict[str, Any]) -> Iterator[list[Any]]:
    """What must fit, all of it; of several choices one."""
    if "$ref" in node:
        yield [targets[node["$ref"]]]
    for choice in ("anyOf", "oneOf"):
        if choice in node:
            yield node[choice]
    yield from ([each] for each in _held(node))


def _held(node: dict[str, Any]) -> Iterable[Any]:
    """The schemas of all that an object or an array must hold."""
    match types_of(node):
        case ["object"]:
            return [node.get("properties", {}).get(each, True) for each in node.get("required", [])]
        case ["array"] if isinstance(least := node.get("minItems", 0), int):
            first = node.get("prefixItems", [])[: max(0, least)]
            return [*first, node.get("items", True)] if least > len(first) else first
        case _:
            return []
