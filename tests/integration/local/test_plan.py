"""What the stack tells its processes of the model server."""

from pathlib import Path

import pytest

from infra.local.stack.checkout import Checkout
from infra.local.stack.plan import Stack
from infra.settings import LocalSettings

GRAMMARS = "HEADRACE_GATEWAY__GRAMMARS"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "llguidance"),
        ({"HEADRACE_TGI__URL": "http://127.0.0.1:1"}, None),
        ({GRAMMARS: "outlines"}, "outlines"),
    ],
)
def test_the_gateway_is_told_how_the_embedded_model_server_holds_answers_to_schemas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], told: str | None
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    stack = Stack.at(Checkout(tmp_path), LocalSettings(dir=tmp_path))

    assert stack.environment().get(GRAMMARS) == told
