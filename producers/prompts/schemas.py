"""The JSON schemas that clients send: what a grammar of the model server's can be made of. Pure.

The server makes a regular expression of a schema, and one that it cannot read ends every answer of its batch (TGI 3.3:
424 for all): what would not become one is refused here.
"""

from collections.abc import Iterator
from typing import Any, Final

from infra.errors import WrongField
from producers.events import AnswerFormat
from producers.prompts import bounds, followed, references, unheld
from producers.prompts.bodies import PromptBody

NAME_OF_CALL: Final = "_name"
"""Beside the arguments of a call, the grammar has the function's name under this one."""
_NOT_AROUND_ARGUMENTS: Final = frozenset({"$ref", "anyOf", "oneOf", "enum", "const", "minProperties", "maxProperties"})


def of_body(asked: PromptBody) -> Iterator[tuple[str, dict[str, Any]]]:
    """All that a body holds, and where."""
    for at, tool in enumerate(asked.tools or ()):
        yield f"tools[{at}].function.parameters", tool.function.parameters or {}
    form = asked.response_format
    if form is not None and form.json_schema is not None:
        yield "response_format.json_schema.schema", form.json_schema.schema or {}


def answer_format(asked: PromptBody, grammars: str) -> AnswerFormat | None:
    """The JSON that the answer must be, if any.

    Raises:
        WrongField: names what is wrong.
    """
    given = asked.response_format
    if given is None or given.type == "text":
        return None
    if given.type == "json_object":
        return AnswerFormat()
    if given.type != "json_schema":
        raise WrongField("response_format.type must be text, json_object or json_schema.", "response_format.type")
    where = "response_format.json_schema"
    if given.json_schema is None or given.json_schema.schema is None:
        raise WrongField(f"{where}.schema is missing.", f"{where}.schema")
    schema = given.json_schema.schema
    if not isinstance(schema.get("properties"), dict) or schema.get("type", "object") != "object":
        raise WrongField(f"{where}.schema must be of an object with properties.", f"{where}.schema")
    name = bounds.short(f"{where}.name", given.json_schema.name) or ""
    made = _checked(f"{where}.schema", schema)
    if given.json_schema.strict:
        unheld.refuse(f"{where}.schema", made, grammars)
    return AnswerFormat(made, name)


def parameters(where: str, schema: dict[str, Any], grammars: str, *, strict: bool) -> dict[str, Any]:
    """The schema of a function's arguments, as it is followed.

    Raises:
        WrongField: names it.
    """
    if schema.get("type", "object") != "object" or not isinstance(schema.get("properties", {}), dict):
        raise WrongField(f"{where} must be the schema of an object.", where)
    if outside := sorted(_NOT_AROUND_ARGUMENTS & schema.keys()):
        raise WrongField(f"{where}.{outside[0]} cannot be followed here: say it of a property.", where)
    if NAME_OF_CALL in schema.get("properties", {}):
        raise WrongField(f"{where}.properties.{NAME_OF_CALL}: an argument cannot have this name.", where)
    if not schema:
        return {}
    made = _checked(where, schema, defined_only=True)
    if strict:
        unheld.refuse(where, made, grammars)
    return made


def _checked(where: str, schema: dict[str, Any], *, defined_only: bool = False) -> dict[str, Any]:
    made = followed.followed(where, schema)
    references.check(where, made, defined_only=defined_only)
    return made
