"""A JSON schema in the words that TGI's grammars know: the same values, spelled out. Pure.

outlines-core, up to 0.1.26 at least, refuses a list of types; of a part that says nothing it makes alternatives without
brackets around them, so that a bare `null` passes for the whole answer. As choices between single types it reads both.
A `pattern` it puts between quotes as it stands.
"""

from typing import Any

from producers.prompts import patterns
from producers.prompts.followed import ANYTHING, SAY_IT_ELSEWHERE, all_parts, meant, meant_by, rebuilt
from producers.settings import OUTLINES

_OF_ANY = frozenset({"type"}).union(*map(meant_by, ANYTHING))
_DEFINITIONS = (["#", "$defs"], ["#", "definitions"])


def spelled(schema: dict[str, Any], held_by: str = OUTLINES) -> dict[str, Any]:
    """The schema with the types that are meant, without lists of types and parts that say nothing.

    Where references lead into its midst the lists stay: the places that they name would be others.
    """
    of_outlines, in_place = held_by == OUTLINES, _refers_within(schema)

    def part(_: str, node: Any) -> Any:
        made = whole(node) if isinstance(node, dict) else node
        return made if in_place or not isinstance(made, dict) else _as_choices(made)

    def whole(node: dict[str, Any]) -> dict[str, Any]:
        made = _typed(rebuilt(node, part))
        return _between_quotes(made) if of_outlines and "pattern" in made else made

    return whole(schema)


def _typed(node: dict[str, Any]) -> dict[str, Any]:
    if "type" in node:
        return node
    types = meant(node)
    return node if types is None else {"type": types, **node}


def _as_choices(node: dict[str, Any]) -> dict[str, Any]:
    types = node.get("type") if node else list(ANYTHING)
    if not isinstance(types, list) or SAY_IT_ELSEWHERE & node.keys():
        return node
    choices = [{"type": each, **{key: value for key, value in node.items() if key in meant_by(each)}} for each in types]
    return {"anyOf": choices, **{key: value for key, value in node.items() if key not in _OF_ANY}}


def _between_quotes(node: dict[str, Any]) -> dict[str, Any]:
    """A text that fits the pattern is still JSON; without the pattern, where one might not be."""
    pattern = patterns.between_quotes(node["pattern"]) if isinstance(node["pattern"], str) else None
    others = {key: each for key, each in node.items() if key != "pattern"}
    return others if pattern is None else {**others, "pattern": pattern}


def _refers_within(schema: dict[str, Any]) -> bool:
    """Whether a reference names a place that would be another one afterwards."""
    return any(_leads_within(each.node.get("$ref", "#")) for each in all_parts("", schema))


def _leads_within(reference: Any) -> bool:
    steps = reference.split("/") if isinstance(reference, str) else []
    return steps != ["#"] and not (len(steps) == 3 and steps[:2] in _DEFINITIONS)
