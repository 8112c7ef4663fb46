"""What the clients of the parts are told of TLS and users, by the settings."""

from pathlib import Path
from typing import Any

import pytest

from infra import clickhouse, kafka, redis
from infra.errors import WrongSetting
from infra.settings import Block, ClickHouseSettings, KafkaSettings, RedisSettings, TgiSettings
from stream_workers.app import credentials
from tests.support.certificates import Authority

USER = {"sasl_username": "headrace", "sasl_password": "a password"}


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_brokers_without_tls_and_users_are_asked_for_neither() -> None:
    assert kafka.security(KafkaSettings()) == {"security_protocol": "PLAINTEXT"}
    assert credentials(KafkaSettings()) is None


def test_both_kafka_libraries_are_told_the_same(authority: Authority) -> None:
    settings = KafkaSettings(security_protocol="SASL_SSL", ca_file=str(authority.ca_file), **USER)  # type: ignore[arg-type]

    ours, faust = kafka.security(settings), _plain(credentials(settings))

    assert {k: v for k, v in ours.items() if k != "ssl_context"} == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "headrace",
        "sasl_plain_password": "a password",
    }
    assert faust.keys() == ours.keys()
    assert {k: faust[k] for k in faust if k != "ssl_context"} == {k: ours[k] for k in ours if k != "ssl_context"}
    assert ours["ssl_context"].check_hostname
    assert faust["ssl_context"].check_hostname


def test_a_user_may_be_given_without_tls_and_tls_without_a_user(authority: Authority) -> None:
    user = KafkaSettings(security_protocol="SASL_PLAINTEXT", sasl_mechanism="PLAIN", **USER)  # type: ignore[arg-type]
    own = authority.pair()
    tls = KafkaSettings(
        security_protocol="SSL",
        ca_file=str(authority.ca_file),
        certificate_file=str(own.certificate),
        key_file=str(own.key),
    )
    tls.check()

    assert _plain(credentials(user))["security_protocol"] == "SASL_PLAINTEXT"
    assert _plain(credentials(user))["ssl_context"] is None
    assert _plain(credentials(tls)).keys() == {"security_protocol", "ssl_context"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"security_protocol": "TLS"}, "SECURITY_PROTOCOL: 'TLS' is none of"),
        ({"sasl_mechanism": "GSSAPI"}, "SASL_MECHANISM: 'GSSAPI' is none of"),
        ({"security_protocol": "SASL_SSL"}, "give all three, or none"),
        ({**USER}, "SECURITY_PROTOCOL=PLAINTEXT does not go with what is given"),
        ({"ca_file": "x"}, "encrypts nothing"),
        ({"security_protocol": "SSL", "ca_file": "/nowhere.pem"}, "KAFKA__CA_FILE=/nowhere.pem is no file"),
        ({"security_protocol": "SSL", "certificate_file": "x"}, "belong together"),
    ],
)
def test_what_would_leave_kafka_open_or_unreachable_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(WrongSetting, match=told) as refused:
        KafkaSettings(**given).check()

    assert "a password" not in str(refused.value)


@pytest.mark.parametrize("block", [RedisSettings, ClickHouseSettings, TgiSettings])
def test_an_authority_that_is_not_there_is_named(block: type[Block]) -> None:
    variable = f"HEADRACE_{block.block.upper()}__CA_FILE"

    with pytest.raises(WrongSetting, match=f"{variable}=/nowhere.pem is no file"):
        block.from_env({variable: "/nowhere.pem"})


def test_redis_over_tls_checks_the_certificate_and_the_name() -> None:
    settings = RedisSettings(url="rediss://host:6380/0", ca_file="/etc/ca.pem")

    for client in (redis.client(settings), redis.listener(settings)):
        connection: Any = client.connection_pool.make_connection()  # type: ignore[no-untyped-call]
        context = connection.ssl_context
        assert (context.ca_certs, context.cert_reqs.name, context.check_hostname) == (
            "/etc/ca.pem", "CERT_REQUIRED", True,
        )  # fmt: skip


def test_clickhouse_over_tls_checks_the_certificate_and_the_name() -> None:
    settings = ClickHouseSettings(url="clickhouses://me:it@host/data", ca_file="/etc/the ca.pem")

    for client in (clickhouse.client(settings), clickhouse.client_of_server(settings)):
        connection = client.connection
        assert (connection.secure_socket, connection.verify_cert, connection.check_hostname) == (True, True, True)
        assert connection.ssl_options["ca_certs"] == "/etc/the ca.pem"
        assert [port for _, port in connection.hosts] == [9440]
    assert clickhouse.database(settings) == "data"


def test_a_password_may_be_given_beside_the_address_and_one_inside_it_counts() -> None:
    for url, password in (("redis://host/0", "beside"), ("redis://:inside@host/0", "inside")):
        for client in (
            redis.client(RedisSettings(url=url, password="beside")),
            redis.listener(RedisSettings(url=url, password="beside")),
        ):
            assert client.connection_pool.connection_kwargs["password"] == password
    for url, password in (("clickhouse://me@host/x", "beside"), ("clickhouse://me:inside@host/x", "inside")):
        assert clickhouse.client(ClickHouseSettings(url=url, password="beside")).connection.password == password


def _plain(given: Any) -> dict[str, Any]:
    """Faust's credentials as it hands them to its client."""
    from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth  # noqa: PLC0415 # slow to import

    return dict(credentials_to_aiokafka_auth(given))
