"""Every code that an error may bear stands in docs/api.md, and no other does."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("gateway", "producers", "stream_workers", "analytics")
TEXT = (ROOT / "docs" / "api.md").read_text().split("## Codes of errors")[1]
TOLD = {
    code
    for cell in (*re.findall(r"^\| (.+?) \|", TEXT, re.MULTILINE), *re.findall(r"^A batch says.+$", TEXT, re.M | re.S))
    for code in re.findall(r"`([a-z_]+)`", cell)
}
# Calls that take a code by its place, and which.
BY_PLACE = {"conflict": 1, "WrongLine": 0, "LineError": 0}


def trees() -> Iterator[ast.Module]:
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            # What our client makes of errors it was told.
            if not path.is_relative_to(ROOT / "gateway" / "client"):
                yield ast.parse(path.read_text())


TREES = list(trees())


def constants() -> dict[str, set[str]]:
    """By name, the texts of the constants that bear it in any module."""
    found: dict[str, set[str]] = {}
    for tree in TREES:
        for node in tree.body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            value = getattr(node, "value", None)
            for target in targets:
                if isinstance(target, ast.Name) and target.id.isupper() and value is not None:
                    of_table = value.values if isinstance(value, ast.Dict) else [value]
                    found.setdefault(target.id, set()).update(text for each in of_table for text in texts(each))
    return found


def texts(value: ast.expr | None) -> list[str]:
    return [value.value] if isinstance(value, ast.Constant) and isinstance(value.value, str) else []


def said() -> Iterator[ast.expr]:
    """What stands where an error is given its code."""
    for call in (node for tree in TREES for node in ast.walk(tree) if isinstance(node, ast.Call)):
        yield from (each.value for each in call.keywords if each.arg == "code")
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in BY_PLACE and len(call.args) > BY_PLACE[name]:
            yield call.args[BY_PLACE[name]]


def codes() -> set[str]:
    named, found = constants(), set[str]()
    for part in (node for value in said() for node in ast.walk(value)):
        found.update(texts(part) if isinstance(part, ast.Constant) else ())
        name = part.attr if isinstance(part, ast.Attribute) else part.id if isinstance(part, ast.Name) else ""
        found |= named.get(name, set())
    return found


def test_every_code_of_an_error_stands_in_the_reference() -> None:
    assert codes() - TOLD == set()


def test_every_code_in_the_reference_is_one_that_an_error_may_bear() -> None:
    literals = {
        text
        for tree in TREES
        for node in ast.walk(tree)
        for text in texts(node if isinstance(node, ast.expr) else None)
    }

    assert len(TOLD) > 50
    assert TOLD - literals == set()
