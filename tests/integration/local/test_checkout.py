"""What a stack keeps beside its checkout."""

import json
import socket
import stat
from pathlib import Path

import pytest

from infra.errors import CannotStart
from infra.local.processes.ports import LOOPBACK, free_ports, is_free, kept
from infra.local.stack.addresses import Addresses
from infra.local.stack.checkout import Checkout, DevelopmentKey
from infra.settings import ClickHouseSettings, KafkaSettings, RedisSettings, TgiSettings


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    checkout = Checkout(tmp_path / ".headrace")
    checkout.folder.mkdir()
    return checkout


def test_ports_are_remembered_and_a_taken_one_is_replaced(checkout: Checkout) -> None:
    first = checkout.ports(["gateway", "kafka"])
    assert checkout.ports(["gateway", "kafka"]) == first

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first["kafka"]))
        taken.listen()
        second = checkout.ports(["gateway", "kafka"])

    assert second["gateway"] == first["gateway"]
    assert second["kafka"] != first["kafka"]


def test_a_port_that_is_kept_is_free_for_its_server_and_for_nobody_else() -> None:
    port = free_ports(1)[0]
    with kept([port]):
        for _ in range(2):
            assert is_free(port)
            with socket.create_server((LOOPBACK, port)):
                assert not is_free(port)
        with socket.socket() as somebody, pytest.raises(OSError, match="in use"):
            somebody.bind((LOOPBACK, port))
    with socket.socket() as somebody:
        somebody.bind((LOOPBACK, port))


def test_a_damaged_list_of_ports_is_made_anew(checkout: Checkout) -> None:
    (checkout.folder / "ports.json").write_text('{"gateway": "80')

    assert checkout.ports(["gateway"])["gateway"] > 1024


def test_the_secret_key_is_made_once_and_only_its_owner_may_read_it(checkout: Checkout) -> None:
    key = checkout.secret_key()

    assert checkout.secret_key() == key
    assert len(key) >= 32
    assert stat.S_IMODE((checkout.folder / "secret.key").stat().st_mode) == 0o600


def test_the_description_is_whole_and_private(checkout: Checkout) -> None:
    checkout.describe({"gateway_url": "http://127.0.0.1:1"})

    path = checkout.folder / "stack.json"
    assert json.loads(path.read_text()) == {"gateway_url": "http://127.0.0.1:1"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_kept_key_belongs_to_one_log(checkout: Checkout) -> None:
    key = DevelopmentKey("sk-headrace-a", "whsec_b")
    checkout.keep_development_key("this log", key)

    assert checkout.development_key("this log") == key
    assert checkout.development_key("another log") is None


@pytest.mark.parametrize("name", ["kafka", "redis", "clickhouse", "tgi"])
def test_a_given_address_where_nobody_answers_is_said_so(name: str) -> None:
    (port,) = free_ports(1)
    addresses = Addresses(
        kafka=KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}"),
        redis=RedisSettings(url=f"redis://:secret@127.0.0.1:{port}/0"),
        clickhouse=ClickHouseSettings(url=f"clickhouse://127.0.0.1:{port}/default"),
        tgi=TgiSettings(url=f"http://127.0.0.1:{port}"),
        given=frozenset({name}),
    )

    with pytest.raises(CannotStart) as refused:
        addresses.check_given(name)

    assert f"HEADRACE_{name.upper()}__" in str(refused.value)
    assert f"127.0.0.1:{port}" in str(refused.value)
    assert "secret" not in str(refused.value)
