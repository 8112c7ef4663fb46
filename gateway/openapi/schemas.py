"""Types to JSON Schemas, as components of one document. Pure."""

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.openapi.notes import NOTES

_PLACE = "#/components/schemas/"
_SUFFIX = "Shape"


def components(types: Sequence[Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The schema of each type, and all that they refer to, by name."""
    schemas, found = msgspec.json.schema_components(types, ref_template=_PLACE + "{name}")
    annotated = {name: _annotated(name, schema) for name, schema in found.items()}
    return [_renamed(each) for each in schemas], {
        name.removesuffix(_SUFFIX): _renamed(schema) for name, schema in sorted(annotated.items())
    }


def _annotated(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a class with what its type cannot say."""
    title = name.removesuffix(_SUFFIX)
    properties = {field: dict(it) for field, it in schema.get("properties", {}).items()}
    for field, note in NOTES.get(name, {}).items():
        properties[field] = _noted(properties[field], note)
    return {**schema, "title": title, "properties": properties} if properties else {**schema, "title": title}


def _noted(schema: dict[str, Any], note: Any) -> dict[str, Any]:
    """A field with its note; bounds go to where null is not."""
    about = {name: value for name, value in note.items() if name == "description"}
    bounds = {name: value for name, value in note.items() if name != "description"}
    if not bounds:
        return {**schema, **about}
    if "anyOf" not in schema:
        return {**schema, **about, **bounds}
    choices = [each if each == {"type": "null"} else {**each, **bounds} for each in schema["anyOf"]]
    return {**schema, **about, "anyOf": choices}


def _renamed(schema: Any) -> Any:
    """The same with references to names without their suffix."""
    match schema:
        case {"$ref": str(place), **rest}:
            return {"$ref": place.removesuffix(_SUFFIX), **rest}
        case dict():
            return {name: _renamed(value) for name, value in schema.items()}
        case list():
            return [_renamed(each) for each in schema]
        case _:
            return schema
