"""Settings of the command line as a client."""

import json
import os
from pathlib import Path

import pytest

from gateway.client.settings import ClientSettings, chosen
from gateway.embeddings.settings import EmbeddingsSettings
from gateway.settings import GatewaySettings
from infra import lock, stack_file
from infra.errors import Unavailable, WrongSetting
from infra.settings import Block, ClickHouseSettings, KafkaSettings, LocalSettings, RedisSettings, TgiSettings
from infra.stack_file import Stack, addressed, shared


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://localhost", "nonsense", "http://"])
def test_what_is_no_url_is_refused_by_the_setting_s_name(url: str) -> None:
    with pytest.raises(WrongSetting, match="HEADRACE_CLIENT__URL"):
        ClientSettings.from_env({"HEADRACE_CLIENT__URL": url})


HERE = Stack(
    gateway_url="http://127.0.0.1:1",
    api_key="sk-headrace-here",
    kafka="127.0.0.1:2",
    redis="redis://127.0.0.1:3/0",
    clickhouse="clickhouse://127.0.0.1:4/x",
    tgi="http://127.0.0.1:5",
    embeddings="http://127.0.0.1:6",
    is_running=True,
)


def test_the_key_of_the_running_stack_goes_to_no_other_gateway() -> None:
    assert addressed(ClientSettings(), HERE) == ClientSettings(url="http://127.0.0.1:1", api_key="sk-headrace-here")
    assert addressed(ClientSettings(url="https://example.com"), HERE).api_key == ""
    assert addressed(ClientSettings(), None) == ClientSettings()


@pytest.mark.parametrize(
    ("block", "secret", "address"),
    [
        (ClientSettings(api_key="mine"), "CLIENT__API_KEY", "CLIENT__URL"),
        (KafkaSettings(sasl_password="mine"), "KAFKA__SASL_PASSWORD", "KAFKA__BOOTSTRAP_SERVERS"),
        (RedisSettings(password="mine"), "REDIS__PASSWORD", "REDIS__URL"),
        (ClickHouseSettings(password="mine"), "CLICKHOUSE__PASSWORD", "CLICKHOUSE__URL"),
        (TgiSettings(api_key="mine"), "TGI__API_KEY", "TGI__URL"),
        (EmbeddingsSettings(api_key="mine"), "EMBEDDINGS__API_KEY", "EMBEDDINGS__URL"),
    ],
    ids=lambda each: each.block if isinstance(each, Block) else "",
)
def test_a_secret_of_ours_goes_to_no_address_that_the_folder_names(block: Block, secret: str, address: str) -> None:
    with pytest.raises(WrongSetting, match=f"HEADRACE_{secret} is given and HEADRACE_{address} is not"):
        addressed(block, HERE)


def test_a_stack_runs_as_long_as_its_folder_is_held_whatever_its_file_says(tmp_path: Path) -> None:
    said = {"gateway_url": "http://127.0.0.1:1", "supervisor": os.getpid(), "is_running": True}
    (tmp_path / stack_file.NAME).write_text(json.dumps(said))

    with lock.held(tmp_path / stack_file.LOCK):
        running = stack_file.read(LocalSettings(dir=tmp_path))
        assert addressed(ClientSettings(), running).url == "http://127.0.0.1:1"
    with pytest.raises(Unavailable, match=f"is not running .its process {os.getpid()} is gone"):
        addressed(ClientSettings(), stack_file.read(LocalSettings(dir=tmp_path)))


def test_what_all_of_a_stack_share_is_had_where_nothing_else_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack(shared={"HEADRACE_GATEWAY__GRAMMARS": "llguidance", "HEADRACE_GATEWAY__REPORTS_URL": "http://there"})

    assert shared(GatewaySettings, stack) == GatewaySettings(grammars="llguidance", reports_url="http://there")
    assert shared(GatewaySettings, None) == GatewaySettings()
    monkeypatch.setenv("HEADRACE_GATEWAY__GRAMMARS", "outlines")
    assert shared(GatewaySettings, stack) == GatewaySettings(reports_url="http://there")


@pytest.mark.parametrize("name", [stack_file.NAME, stack_file.KEY_FILE])
def test_a_file_that_others_can_write_is_not_believed(name: str, tmp_path: Path) -> None:
    for each, text in ((stack_file.NAME, "{}"), (stack_file.KEY_FILE, "k" * 40)):
        (tmp_path / each).write_text(text)
        (tmp_path / each).chmod(0o600)
    assert stack_file.read(LocalSettings(dir=tmp_path)) == Stack(secret_key="k" * 40)

    (tmp_path / name).chmod(0o620)
    with pytest.raises(WrongSetting, match="not yours alone to write"):
        stack_file.read(LocalSettings(dir=tmp_path))


def test_a_broken_file_in_the_folder_concerns_nobody_who_gives_gateway_and_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / stack_file.NAME).write_text("{")
    monkeypatch.setenv("HEADRACE_LOCAL__DIR", str(tmp_path))

    assert chosen("https://example.com", "mine") == ClientSettings(url="https://example.com", api_key="mine")
    with pytest.raises(WrongSetting, match="cannot be read"):
        chosen("https://example.com")
