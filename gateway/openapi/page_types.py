"""The types of the document as HTML. Pure."""

from collections.abc import Mapping
from typing import Any

from gateway.openapi.markup import Markup, joined, prose, tag

Json = Mapping[str, Any]
_BOUNDS = {
    "minimum": "≥ {}",
    "maximum": "≤ {}",
    "exclusiveMinimum": "> {}",
    "maxLength": "{} characters at most",
    "minItems": "{} or more",
    "maxItems": "{} at most",
    "maxProperties": "{} pairs at most",
    "pattern": "like {}",
}


def sections(schemas: Json) -> list[Markup]:
    """Each type with its fields."""
    return [_type(name, schema) for name, schema in schemas.items()]


def in_short(schema: Json) -> Markup:
    """A schema in a few words; a type of its own is a link to it."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return tag("a", name, href=f"#type-{name}")
    if "anyOf" in schema:
        choices = [in_short(each) for each in schema["anyOf"]]
        return joined(*(part for at, each in enumerate(choices) for part in ((" or " if at else ""), each)))
    if "enum" in schema:
        listed = [tag("code", str(each).lower() if isinstance(each, bool) else str(each)) for each in schema["enum"]]
        return joined(*(part for at, each in enumerate(listed) for part in ((" | " if at else ""), each)))
    match schema.get("type"):
        case "array":
            return joined("list of ", in_short(schema.get("items", {})), _bounds(schema))
        case "object" if isinstance(schema.get("additionalProperties"), Mapping):
            return joined("object of ", in_short(schema["additionalProperties"]), _bounds(schema))
        case None:
            return joined("anything")
        case kind:
            return joined(str(kind), _bounds(schema))


def _bounds(schema: Json) -> Markup:
    told = [words.format(schema[name]) for name, words in _BOUNDS.items() if name in schema]
    return tag("small", " ", ", ".join(told), class_="bounds") if told else Markup()


def _type(name: str, schema: Json) -> Markup:
    required = schema.get("required", ())
    rows = [
        tag(
            "tr",
            tag("td", tag("code", field), *([tag("small", "required")] if field in required else [])),
            tag("td", in_short(it)),
            tag("td", prose(it.get("description", ""))),
        )
        for field, it in schema.get("properties", {}).items()
    ]
    table = tag("div", tag("table", tag("tbody", *rows)), class_="wide")
    return tag("article", tag("h3", name), tag("p", prose(schema.get("description", ""))), table, id=f"type-{name}")
