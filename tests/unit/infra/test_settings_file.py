"""Settings in a file, and secrets in files of their own."""

import re
from pathlib import Path

import pytest

from gateway.settings import GatewaySettings
from infra.errors import WrongSetting
from infra.settings import (
    CommonSettings,
    KafkaSettings,
    LocalSettings,
    RedisSettings,
    ServiceSettings,
    Sources,
    child_environment,
    refuse_unknown,
)

SECRET = "a key of more than thirty-two characters"


def written(folder: Path, text: str) -> dict[str, str]:
    """The environment that names a file with this text."""
    path = folder / "headrace.toml"
    path.write_text(text)
    return {"HEADRACE_CONFIG": str(path)}


def test_the_file_is_read_and_the_environment_counts_before_it(tmp_path: Path) -> None:
    environ = written(tmp_path, f'''
        secret_key = "{SECRET}"
        [kafka]
        bootstrap_servers = "one:9092,two:9092"
        ack_timeout_s = 1.5
        replication_factor = 3
        [gateway]
        models = ["a/b", "c"]
        port = 80
    ''')  # fmt: skip

    kafka = KafkaSettings.from_env({**environ, "HEADRACE_KAFKA__REPLICATION_FACTOR": "2"})
    gateway = GatewaySettings.from_env(environ)

    assert (kafka.bootstrap_servers, kafka.ack_timeout_s, kafka.replication_factor) == ("one:9092,two:9092", 1.5, 2)
    assert (gateway.models, gateway.port) == (("a/b", "c"), 80)
    assert CommonSettings.from_env(environ).secret_key == SECRET


def test_a_secret_may_lie_in_a_file_of_its_own_and_its_last_newline_is_none_of_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    by_file = written(tmp_path, f'secret_key_file = "{tmp_path / "secret"}"')

    assert CommonSettings.from_env({"HEADRACE_SECRET_KEY_FILE": str(tmp_path / "secret")}).secret_key == SECRET
    assert CommonSettings.from_env(by_file).secret_key == SECRET
    refuse_unknown({"HEADRACE_SECRET_KEY_FILE": "x", **by_file})


def test_each_value_is_shown_with_where_it_was_given(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    environ = {**written(tmp_path, "[kafka]\nreplication_factor = 3"), "HEADRACE_KAFKA__TOPIC_PREFIX": "x."}
    environ["HEADRACE_SECRET_KEY_FILE"] = str(tmp_path / "secret")

    shown = {
        each.name: each.source
        for block in (KafkaSettings, CommonSettings)
        for each in block.from_env(environ).shown(Sources(environ))
        if each.source
    }

    assert shown == {
        "HEADRACE_CONFIG": "the environment",
        "HEADRACE_KAFKA__TOPIC_PREFIX": "the environment",
        "HEADRACE_KAFKA__REPLICATION_FACTOR": str(tmp_path / "headrace.toml"),
        "HEADRACE_SECRET_KEY": str(tmp_path / "secret"),
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[kafka]\nbootstrap_server = 'x:1'", r"kafka.bootstrap_server is not a setting of Headrace "
         r"\(did you mean kafka.bootstrap_servers\?\)"),
        ("secret_kee = 'x'", r"secret_kee is not a setting .*mean secret_key\?"),
        ("[nonsense]\nx = 1", "nonsense.x is not a setting of Headrace;"),
        ("config = 'x'", "config is not a setting"),
        ("[kafka", r"HEADRACE_CONFIG=\S+headrace.toml cannot be read: it is no TOML: .*at"),
        ("[kafka.deep]\nx = 1", "kafka.deep is no text, number"),
        ("[gateway]\nmodels = ['a,b']", "gateway.models is no text, number"),
        ("[log]\nlevel = 2026-01-01", "log.level is no text, number"),
        ("[kafka]\nack_timeout_s = inf", "kafka.ack_timeout_s is no text, number"),
    ],
)  # fmt: skip
def test_what_the_file_should_not_say_is_refused_by_its_key(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(WrongSetting, match=told):
        refuse_unknown(written(tmp_path, text))


def test_a_wrong_value_names_the_file_it_stands_in(tmp_path: Path) -> None:
    environ = written(tmp_path, "[kafka]\nack_timeout_s = 'soon'")

    with pytest.raises(WrongSetting, match=r"KAFKA__ACK_TIMEOUT_S='soon' in \S+headrace\.toml is no number"):
        KafkaSettings.from_env(environ)


def test_a_home_is_found_wherever_a_path_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "key").write_text(SECRET)
    (tmp_path / "headrace.toml").write_text("""
        secret_key_file = "~/key"
        [local]
        dir = "~/stack"
        model = "~/a.gguf"
        [service]
        ready_file = "~/ready"
        [redis]
        password = "~/no/path"
    """)
    environ = {"HEADRACE_CONFIG": "~/headrace.toml", "HEADRACE_KAFKA__CA_FILE": "~/key"}

    local = LocalSettings.from_env(environ)
    assert (local.dir, local.model) == (tmp_path / "stack", str(tmp_path / "a.gguf"))
    assert ServiceSettings.from_env(environ).ready_file == str(tmp_path / "ready")
    assert CommonSettings.from_env(environ).secret_key == SECRET
    assert RedisSettings.from_env(environ).password == "~/no/path"
    assert LocalSettings().downloads == tmp_path / ".cache" / "headrace"
    with pytest.raises(WrongSetting, match="give the path in full"):
        print(LocalSettings(cache_dir=Path("~nobody-here/cache")).downloads)
    with pytest.raises(WrongSetting, match="encrypts nothing"):
        KafkaSettings.from_env(environ)
    environ["HEADRACE_KAFKA__SECURITY_PROTOCOL"] = "SSL"
    assert KafkaSettings.from_env(environ).ca_file == str(tmp_path / "key")


def test_a_variable_that_is_misspelt_is_told_the_nearest() -> None:
    with pytest.raises(WrongSetting, match=r"\(did you mean HEADRACE_KAFKA__TOPIC_PREFIX\?\)"):
        refuse_unknown({"HEADRACE_KAFKA__TOPIK_PREFIX": "x"})
    with pytest.raises(WrongSetting, match="HEADRACE_CONFIG_FILE is not a setting"):
        refuse_unknown({"HEADRACE_CONFIG_FILE": "x"})


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        (
            {"HEADRACE_CONFIG": "/nowhere/headrace.toml"},
            "HEADRACE_CONFIG=/nowhere/headrace.toml cannot be read: No such file",
        ),
        ({"HEADRACE_CONFIG": "/"}, "HEADRACE_CONFIG=/ cannot be read: Is a directory"),
        ({"HEADRACE_CONFIG": "~nobody-here/x"}, "='~nobody-here/x': nobody here knows which folder ~nobody-here is"),
        ({"HEADRACE_SECRET_KEY_FILE": "/nowhere/key"}, "HEADRACE_SECRET_KEY_FILE=/nowhere/key cannot be read"),
        (
            {"HEADRACE_SECRET_KEY_FILE": "/nowhere/key", "HEADRACE_SECRET_KEY": SECRET},
            "HEADRACE_SECRET_KEY and HEADRACE_SECRET_KEY_FILE are both given in the environment",
        ),
    ],
)
def test_what_cannot_be_read_or_is_said_twice_is_refused(environ: dict[str, str], told: str) -> None:
    with pytest.raises(WrongSetting, match=re.escape(told)):
        CommonSettings.from_env(environ)


def test_a_child_is_not_told_a_setting_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_SECRET_KEY_FILE", "/run/secrets/key")
    monkeypatch.setenv("HEADRACE_REDIS__URL_FILE", "/run/secrets/redis")

    environ = child_environment(CommonSettings(secret_key=SECRET))

    assert environ["HEADRACE_SECRET_KEY"] == SECRET
    assert "HEADRACE_SECRET_KEY_FILE" not in environ
    assert environ["HEADRACE_REDIS__URL_FILE"] == "/run/secrets/redis"
