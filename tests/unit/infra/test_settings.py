"""Settings: read from the environment, or refused by name."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from gateway.settings import GatewaySettings
from infra.errors import WrongSetting
from infra.settings import (
    Block,
    ClickHouseSettings,
    CommonSettings,
    KafkaSettings,
    LocalSettings,
    LogSettings,
    RedisSettings,
    TgiSettings,
    masked,
    refuse_unknown,
    setting,
)
from producers.settings import WebhookSettings


@dataclass(frozen=True)
class Kinds(Block):
    """One setting of each kind."""

    block: ClassVar[str] = "kinds"
    text: str = setting("a", "a text")
    count: int = setting(1, "a number")
    wait_s: float = setting(1.5, "a time")
    on: bool = setting(False, "a switch")
    names: tuple[str, ...] = setting((), "names with commas")
    folder: Path = setting(Path("x"), "a folder")
    maybe: int | None = setting(None, "a number, or none")


def test_every_kind_is_read_and_written_back() -> None:
    given = {
        "HEADRACE_KINDS__TEXT": "b",
        "HEADRACE_KINDS__COUNT": "7",
        "HEADRACE_KINDS__WAIT_S": "0.25",
        "HEADRACE_KINDS__ON": "1",
        "HEADRACE_KINDS__NAMES": "one,two",
        "HEADRACE_KINDS__FOLDER": "some/where",
        "HEADRACE_KINDS__MAYBE": "3",
    }

    block = Kinds.from_env(given)

    assert block == Kinds("b", 7, 0.25, True, ("one", "two"), Path("some/where"), 3)
    assert block.to_env() == given
    assert Kinds.from_env(block.to_env()) == block


def test_what_is_not_given_has_its_default_and_is_not_handed_on() -> None:
    assert Kinds.from_env({}) == Kinds()
    assert Kinds().to_env() == {}


@pytest.mark.parametrize(
    ("variable", "value", "kind"),
    [
        ("HEADRACE_KINDS__COUNT", "many", "whole number"),
        ("HEADRACE_KINDS__COUNT", "1.5", "whole number"),
        ("HEADRACE_KINDS__COUNT", "", "whole number"),
        ("HEADRACE_KINDS__WAIT_S", "soon", "number"),
        ("HEADRACE_KINDS__WAIT_S", "nan", "number"),
        ("HEADRACE_KINDS__WAIT_S", "inf", "number"),
        ("HEADRACE_KINDS__ON", "perhaps", "switch (1 or 0)"),
        ("HEADRACE_KINDS__MAYBE", "none", "whole number"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_by_its_variable(variable: str, value: str, kind: str) -> None:
    with pytest.raises(WrongSetting, match=f"^{variable}={value!r} is no {re.escape(kind)}$"):
        Kinds.from_env({variable: value})


@pytest.mark.parametrize(("text", "value"), [("1", True), ("TRUE", True), ("yes", True), ("0", False), ("no", False)])
def test_a_switch_is_understood_in_the_usual_words(text: str, value: bool) -> None:
    assert Kinds.from_env({"HEADRACE_KINDS__ON": text}).on is value


@pytest.mark.parametrize("variable", ["HEADRACE_KAFKA__BOOTSTRAP_SERVER", "HEADRACE_KAFKA_TOPIC_PREFIX", "HEADRACE_"])
def test_an_unknown_variable_of_ours_is_refused_by_its_name(variable: str) -> None:
    with pytest.raises(WrongSetting, match=f"^{variable} is not a setting of Headrace"):
        refuse_unknown({variable: "x"})


def test_variables_of_others_are_none_of_our_business() -> None:
    refuse_unknown({"PATH": "/bin", "HEADRACES": "1", "headrace_x": "1", "HEADRACE_KAFKA__TOPIC_PREFIX": "a."})


@pytest.mark.parametrize(
    ("block", "variable", "value"),
    [
        (RedisSettings, "HEADRACE_REDIS__URL", "http://x"),
        (RedisSettings, "HEADRACE_REDIS__URL", "redis://:hunter2@"),
        (RedisSettings, "HEADRACE_REDIS__URL", "redis://:hunter2@host:99999"),
        (KafkaSettings, "HEADRACE_KAFKA__BOOTSTRAP_SERVERS", "a:b:c"),
        (KafkaSettings, "HEADRACE_KAFKA__BOOTSTRAP_SERVERS", "good:9092, http://bad"),
        (KafkaSettings, "HEADRACE_KAFKA__BOOTSTRAP_SERVERS", "host:0"),
        (TgiSettings, "HEADRACE_TGI__URL", "ftp://x"),
        (TgiSettings, "HEADRACE_TGI__URL", "localhost:8080"),
        (TgiSettings, "HEADRACE_TGI__URL", "http://tgi-1:8080,tgi-2:8080"),
        (TgiSettings, "HEADRACE_TGI__URL", "http://tgi:8080,http://tgi:8080/"),
        (ClickHouseSettings, "HEADRACE_CLICKHOUSE__URL", "http://x"),
        (ClickHouseSettings, "HEADRACE_CLICKHOUSE__URL", "clickhouse://x:many/y"),
        (GatewaySettings, "HEADRACE_GATEWAY__REPORTS_URL", "reports:8080"),
        (WebhookSettings, "HEADRACE_WEBHOOKS__PUBLIC_URL", "example.com"),
        (WebhookSettings, "HEADRACE_WEBHOOKS__TRUSTED", "http://10.0.0.7"),
        (CommonSettings, "HEADRACE_SECRET_KEY", "hunter2"),
        (LocalSettings, "HEADRACE_LOCAL__MAVEN_URL", "mirror:8081/maven"),
        (LocalSettings, "HEADRACE_LOCAL__INDEX_URL", "file:///wheels"),
        (LocalSettings, "HEADRACE_LOCAL__MODEL_SHA256", "hunter2"),
        (LocalSettings, "HEADRACE_LOCAL__MODEL_SHA256", "f" * 65),
    ],
)
def test_what_no_part_could_be_reached_or_sealed_with_is_refused_by_its_variable(
    block: type[Block], variable: str, value: str
) -> None:
    with pytest.raises(WrongSetting, match=variable) as refused:
        block.from_env({variable: value})

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("block", "variable", "value"),
    [
        (RedisSettings, "HEADRACE_REDIS__URL", "redis://host"),
        (RedisSettings, "HEADRACE_REDIS__URL", "rediss://me:p%40ss@host:6379/3"),
        (RedisSettings, "HEADRACE_REDIS__URL", "unix:///run/redis.sock"),
        (KafkaSettings, "HEADRACE_KAFKA__BOOTSTRAP_SERVERS", "kafka-1:9092, [::1]:9092,kafka_3"),
        (TgiSettings, "HEADRACE_TGI__URL", "https://tgi/behind/a/path"),
        (TgiSettings, "HEADRACE_TGI__URL", "http://tgi-1:8080, http://tgi-2:8080"),
        (ClickHouseSettings, "HEADRACE_CLICKHOUSE__URL", "clickhouses://me:secret@[::1]/data"),
    ],
)
def test_an_address_is_taken_in_each_of_its_forms(block: type[Block], variable: str, value: str) -> None:
    assert value in block.from_env({variable: value}).to_env().values()


def test_a_model_from_afar_is_refused_without_its_hash() -> None:
    given = {"HEADRACE_LOCAL__MODEL": "https://models.example/small.gguf"}

    with pytest.raises(WrongSetting, match="HEADRACE_LOCAL__MODEL_SHA256 must be given too"):
        LocalSettings.from_env(given)
    assert LocalSettings.from_env(given | {"HEADRACE_LOCAL__MODEL_SHA256": "0" * 64}).model


def test_a_file_is_no_folder_of_a_stack(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()

    with pytest.raises(WrongSetting, match=r"HEADRACE_LOCAL__DIR=.*taken is a file"):
        LocalSettings.from_env({"HEADRACE_LOCAL__DIR": str(tmp_path / "taken")})


def test_contradictions_are_refused_and_both_sides_named() -> None:
    with pytest.raises(WrongSetting, match=r"ACK_TIMEOUT_S=9.0 is longer than HEADRACE_KAFKA__DELIVERY_TIMEOUT_S=3.0"):
        KafkaSettings.from_env({"HEADRACE_KAFKA__ACK_TIMEOUT_S": "9", "HEADRACE_KAFKA__DELIVERY_TIMEOUT_S": "3"})
    with pytest.raises(WrongSetting, match="HEADRACE_LOG__LEVEL='LOUD'"):
        LogSettings.from_env({"HEADRACE_LOG__LEVEL": "LOUD"})


def test_a_secret_is_never_shown() -> None:
    secret = "a key of more than thirty-two characters"

    assert secret not in repr(masked(CommonSettings(secret_key=secret)))
    assert masked(CommonSettings(secret_key=secret)) == {
        "HEADRACE_CONFIG": "", "HEADRACE_SECRET_KEY": "********",
    }  # fmt: skip
    assert secret not in repr(CommonSettings(secret_key=secret))
    assert masked(CommonSettings())["HEADRACE_SECRET_KEY"] == ""


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:hunter2@host:6379/0", "redis://:********@host:6379/0"),
        ("redis://me:hunter2@host:6379/0", "redis://me:********@host:6379/0"),
        ("redis://me:p@ss/w:rd@host/0", "redis://me:********@host/0"),
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("", ""),
    ],
)
def test_a_password_inside_an_address_is_never_shown(url: str, shown: str) -> None:
    assert masked(RedisSettings(url=url))["HEADRACE_REDIS__URL"] == shown


def test_the_settings_of_the_environment_are_frozen() -> None:
    with pytest.raises(AttributeError):
        LocalSettings().dir = Path("elsewhere")  # type: ignore[misc] # that is the point
