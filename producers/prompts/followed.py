"""A JSON schema as a grammar can follow it: what was wrapped is unwrapped, what no grammar follows is refused. Pure.

Grammars pass over what they do not know, in silence. So a keyword that asks for something is either known here to be
followed, or refused by its name and place. How deep and how large a schema is was weighed before.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from infra.errors import WrongField
from producers.prompts import patterns

TYPES: Final = ("string", "number", "integer", "boolean", "null", "array", "object")
ANYTHING: Final = ("string", "number", "boolean", "null", "array", "object")
MEANS: Final[Mapping[str, frozenset[str]]] = {
    "object": frozenset({"properties", "required", "additionalProperties", "minProperties", "maxProperties"}),
    "array": frozenset({"items", "prefixItems", "minItems", "maxItems"}),
    "string": frozenset({"pattern", "format", "minLength", "maxLength"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
}
"""The type that is meant where one of these stands and no type: an answer of it is one of the open schema, too."""
SAY_IT_ELSEWHERE: Final = frozenset({"$ref", "anyOf", "oneOf", "enum", "const"})
NOT_FOLLOWED: Final = frozenset(
    {
        *("not", "if", "then", "else", "allOf", "patternProperties", "propertyNames", "uniqueItems", "contains"),
        *("minContains", "maxContains", "dependentRequired", "dependentSchemas", "dependencies", "unevaluatedItems"),
        *("unevaluatedProperties", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor", "$anchor"),
    }
)
BY_NAME: Final = ("properties", "$defs", "definitions")
_IN_LISTS: Final = ("anyOf", "oneOf", "prefixItems")
_HOLD_SCHEMAS: Final = frozenset({*BY_NAME, *_IN_LISTS, "allOf", "items", "additionalProperties", "additionalItems"})
LONGEST_STEP: Final = 100
"""Of what leads to a place, so much is told."""


class Part(NamedTuple):
    """A schema within a schema, and where it stands: by which step from the one around it."""

    step: str
    node: Any
    around: "Part | None" = None

    @property
    def path(self) -> str:
        """Where it stands in the body; put together only for who is told of it."""
        steps, part = [self.step[:LONGEST_STEP]], self
        while part.around is not None:
            part = part.around
            steps.append(part.step[:LONGEST_STEP])
        return "".join(reversed(steps))


def parts(part: Part) -> Iterator[Part]:
    """The schemas that stand right within one; of what is not of the form that it should be, nothing."""
    for name, found in part.node.items():
        if name not in _HOLD_SCHEMAS:
            continue
        if name in BY_NAME:
            if isinstance(found, dict):
                yield from [Part(f".{name}.{key}", each, part) for key, each in found.items()]
        elif isinstance(found, list):
            yield from [Part(f".{name}[{at}]", each, part) for at, each in enumerate(found)]
        else:
            yield Part(f".{name}", found, part)


def rebuilt(node: Mapping[str, Any], make: Callable[[str, Any], Any]) -> dict[str, Any]:
    """A schema with each that stands right within it made anew, from its step and itself."""
    return {key: _rebuilt(key, each, make) if key in _HOLD_SCHEMAS else each for key, each in node.items()}


def _rebuilt(name: str, found: Any, make: Callable[[str, Any], Any]) -> Any:
    if name in BY_NAME:
        return {key: make(f".{name}.{key}", each) for key, each in found.items()} if isinstance(found, dict) else found
    if isinstance(found, list):
        return [make(f".{name}[{at}]", each) for at, each in enumerate(found)]
    return make(f".{name}", found)


def all_parts(where: str, schema: Any) -> Iterator[Part]:
    """The schema and every one within it, as they are read; without `true` and `false`, which hold none."""
    waiting = [Part(where, schema)]
    while waiting:
        part = waiting.pop()
        if isinstance(part.node, dict):
            yield part
            waiting.extend(reversed(list(parts(part))))


def meant_by(kind: str) -> frozenset[str]:
    """The keywords that ask something of values of a type; the others ask nothing of them."""
    return MEANS.get("number" if kind == "integer" else kind, frozenset())


def meant(node: Mapping[str, Any]) -> str | list[str] | None:
    """The types that are meant where none is said; None where something else says it, or nothing is said at all."""
    kinds = [kind for kind, keywords in MEANS.items() if not keywords.isdisjoint(node)]
    if "object" in kinds and not {"$ref", "enum", "const"} & node.keys():
        return "object"
    if not node or not SAY_IT_ELSEWHERE.isdisjoint(node):
        return None
    return kinds[0] if len(kinds) == 1 else kinds or list(ANYTHING)


def types_of(node: Mapping[str, Any]) -> list[str]:
    """The types that are said or meant."""
    given = node["type"] if "type" in node else meant(node)
    return given if isinstance(given, list) else [] if given is None else [given]


def followed(where: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without what it need not say; it is no larger than what came.

    Raises:
        WrongField: `where`; the message names the place in it.
    """
    try:
        made = _made(Part(where, schema))
    except WrongField as error:
        raise WrongField(f"{error}.", where) from None
    assert isinstance(made, dict)  # noqa: S101 # of a dict comes one
    return made


def _made(part: Part) -> Any:
    node = part.node
    if isinstance(node, bool):
        return {} if node else node
    if not isinstance(node, dict):
        raise WrongField(f"{part.path} must be a schema")
    made = _unwrapped({key: each for key, each in node.items() if (key, each) != ("uniqueItems", False)})
    if unknown := sorted(NOT_FOLLOWED & made.keys()):
        raise WrongField(f"{part.path}.{unknown[0]} cannot be followed here")
    _check(part, made)
    return rebuilt(made, lambda step, each: _made(Part(step, each, part)))


def _unwrapped(node: dict[str, Any]) -> dict[str, Any]:
    """An `allOf` of one schema is that schema; so some programs write a reference that has a description."""
    match node.get("allOf"):
        case [dict(one)] if not one.keys() & node.keys() - {"title", "description"}:
            return _unwrapped({**one, **{key: each for key, each in node.items() if key != "allOf"}})
        case _:
            return node


def _check(part: Part, node: dict[str, Any]) -> None:
    given = node.get("type", "object")
    if given not in TYPES and not (isinstance(given, list) and given and all(each in TYPES for each in given)):
        raise WrongField(f"{part.path}.type must be one of {', '.join(TYPES)}, or a list of them")
    for name in BY_NAME:
        if not isinstance(node.get(name, {}), dict):
            raise WrongField(f"{part.path}.{name} must be an object")
    for name in (*_IN_LISTS, "enum"):
        if name in node and not (isinstance(node[name], list) and node[name]):
            raise WrongField(f"{part.path}.{name} must be a list that is not empty")
    if "pattern" in node and not patterns.can_be_read(node["pattern"]):
        raise WrongField(f"{part.path}.pattern: {str(node['pattern'])[:80]!r} is no regular expression")
    required = node.get("required", [])
    if not isinstance(required, list) or not all(isinstance(each, str) for each in required):
        raise WrongField(f"{part.path}.required must be a list of names")
    if "properties" in node and node.get("additionalProperties", False) is False:
        for each in required:
            if each not in node["properties"]:
                raise WrongField(f"{part.path}.required: {each[:80]!r} is none of its properties")
