"""Settings of the gateway that contradict themselves are refused."""

import pytest

from gateway.settings import GatewaySettings
from infra.errors import WrongSetting


def test_models_are_a_list_with_commas() -> None:
    assert GatewaySettings.from_env({"HEADRACE_GATEWAY__MODELS": "a/b, c"}).models == ("a/b", "c")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MODELS", " , "),
        ("BODY_LIMIT_BYTES", "3000000"),
        ("PORT", "many"),
        ("PING_EVERY_S", "15.1"),
        ("PING_EVERY_S", "0"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(WrongSetting, match=f"HEADRACE_GATEWAY__{name}"):
        GatewaySettings.from_env({f"HEADRACE_GATEWAY__{name}": value})
