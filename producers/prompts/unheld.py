"""What a grammar passes over in silence: the keywords of a schema that an answer may break. Pure.

TGI makes a regular expression of a schema (outlines-core; alike in 0.1.14, 0.1.17, 0.1.26 and 0.2.14). It reads one
thing of each part: the first of `_READ` that stands there. Other grammars refuse by themselves what they cannot hold.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from infra.errors import WrongField
from producers.prompts import patterns
from producers.prompts.followed import MEANS, SAY_IT_ELSEWHERE, all_parts, meant_by, types_of
from producers.settings import OUTLINES

Node = Mapping[str, Any]

_ASK: Final = frozenset({"type"}).union(SAY_IT_ELSEWHERE, *MEANS.values())
"""The keywords that ask for something, of those that are let through."""
_OF_STRINGS: Final = (frozenset({"minLength", "maxLength"}), frozenset({"pattern"}), frozenset({"format"}))
"""The first of these that stands there is held."""
_ARE: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


def refuse(where: str, schema: Node, grammars: str) -> None:
    """Let a schema pass that answers will always follow; it is one that `followed` made.

    Raises:
        WrongField: the path of the first keyword that they may break.
    """
    path = next(_unheld(where, schema), None) if grammars == OUTLINES else None
    if path is not None:
        message = f"{path}: the model server cannot hold answers to this, which strict: true asks for"
        raise WrongField(f"{message}; leave it out, or send strict: false.", path)


def _unheld(where: str, schema: Node) -> Iterator[str]:
    for part in all_parts(where, schema):
        types = types_of(part.node)
        read = next((each for each in _READ if each in part.node), "type" if types else None)
        if read is not None:
            passed_over = _asked(types, read) - _READ[read](part.node)
            yield from (f"{part.path}.{keyword}" for keyword in part.node if keyword in passed_over)


def _asked(types: list[str], read: str) -> frozenset[str]:
    return _ASK if read != "type" else frozenset().union(*map(meant_by, types))


def _of_properties(node: Node) -> set[str]:
    """An object of these and no others, which is what a schema for others allows."""
    held = {"properties", "additionalProperties"} | _if(node, "minProperties", lambda least: least <= 0)
    if set(node.get("required", ())) <= node["properties"].keys():
        held.add("required")
    return held | ({"type"} if "object" in types_of(node) else set())


def _of_places(node: Node) -> set[str]:
    """An array of just these."""
    places = len(node["prefixItems"])
    held = {"prefixItems", "items"} | ({"type"} if "array" in types_of(node) else set())
    return (
        held | _if(node, "minItems", lambda least: least <= places) | _if(node, "maxItems", lambda most: most >= places)
    )


def _of_values(node: Node, keyword: str, values: list[Any]) -> set[str]:
    kinds = {kind for each in types_of(node) for kind in _ARE.get(each, ())}
    return {keyword, "type"} if set(map(type, values)) <= kinds else {keyword}


def _of_types(node: Node) -> set[str]:
    """Of an object without named properties one at least can be asked for, or none at all."""
    of_string = next((each for each in _OF_STRINGS if each & node.keys()), frozenset())
    if of_string == {"pattern"} and patterns.between_quotes(node["pattern"]) is None:
        of_string = frozenset()
    of_object = {"additionalProperties"} | ({"required"} if not node.get("required") else set())
    of_object |= _if(node, "minProperties", lambda least: least <= 1) | _if(
        node, "maxProperties", lambda most: most == 0
    )
    return {*of_string, *of_object, "items", "minItems", "maxItems"}


def _if(node: Node, keyword: str, is_held: Callable[[int], bool]) -> set[str]:
    number = node.get(keyword)
    return {keyword} if isinstance(number, int) and is_held(number) else set()


_READ: Final[Mapping[str, Callable[[Node], set[str]]]] = {
    "properties": _of_properties,
    "anyOf": lambda _: {"anyOf"},
    "oneOf": lambda _: set(),  # an answer may fit two of them
    "prefixItems": _of_places,
    "enum": lambda node: _of_values(node, "enum", node["enum"]),
    "const": lambda node: _of_values(node, "const", [node["const"]]),
    "$ref": lambda _: {"$ref"},
    "type": _of_types,
}
