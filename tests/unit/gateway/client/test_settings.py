"""Settings of the command line as a client."""

import pytest

from gateway.client.settings import ClientSettings
from infra.errors import WrongSetting
from infra.stack_file import Stack, addressed


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://localhost", "nonsense", "http://"])
def test_what_is_no_url_is_refused_by_the_setting_s_name(url: str) -> None:
    with pytest.raises(WrongSetting, match="HEADRACE_CLIENT__URL"):
        ClientSettings.from_env({"HEADRACE_CLIENT__URL": url})


def test_the_key_of_the_running_stack_goes_to_no_other_gateway() -> None:
    stack = Stack(gateway_url="http://127.0.0.1:1", api_key="sk-headrace-here")

    assert addressed(ClientSettings(), stack) == ClientSettings(url="http://127.0.0.1:1", api_key="sk-headrace-here")
    assert addressed(ClientSettings(api_key="mine"), stack).api_key == "mine"
    assert addressed(ClientSettings(url="https://example.com"), stack).api_key == ""
    assert addressed(ClientSettings(), None) == ClientSettings()
