"""The compose file: of the published form, true to our settings and processes, and as closed as it says."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from infra.local.kafka.embedded import MESSAGE_MAX_BYTES
from infra.settings import ServiceSettings, blocks, refuse_unknown
from tests.house.test_commands import COMMANDS
from tests.support.deploy import DEPLOY, METRICS_PORT, PROCESSES, loaded, of_ours, services

OURS = pytest.mark.parametrize("name", sorted(of_ours()))


def schema() -> Any:
    """The compose specification's own schema, from a package that carries it; the package itself is not imported."""
    found = find_spec("check_jsonschema")
    assert found is not None
    assert found.origin is not None
    return json.loads((Path(found.origin).parent / "builtin_schemas" / "vendor" / "compose-spec.json").read_text())


def validated(file: Any) -> list[str]:
    found = jsonschema.Draft7Validator(schema()).iter_errors(file)
    return [f"{'/'.join(map(str, each.path))}: {each.message}" for each in found]


def test_it_is_of_the_form_that_the_compose_specification_asks_for() -> None:
    assert validated(loaded("compose.yaml")) == []


def test_the_schema_would_tell_of_a_mistake() -> None:
    file = loaded("compose.yaml")
    file["services"]["gateway"]["dependson"] = []
    file["services"]["worker"]["restart"] = ["always"]

    assert len(validated(file)) == 2


def test_every_process_is_a_service_of_its_own() -> None:
    assert set(of_ours()) == {*PROCESSES, "init", "tools"}
    assert [of_ours()[name]["command"] for name in PROCESSES] == [[name] for name in PROCESSES]
    assert set(PROCESSES) <= {each.name for each in COMMANDS}


@OURS
def test_every_setting_is_one_and_no_process_would_refuse_them(name: str, tmp_path: Path) -> None:
    environ = dict(of_ours()[name]["environment"])
    for variable, path in environ.items():
        if path.startswith("/run/secrets/"):
            assert Path(path).name in of_ours()[name]["secrets"]
            environ[variable] = str(tmp_path / Path(path).name)
            Path(environ[variable]).write_text("a secret of thirty-two characters or more\n")

    refuse_unknown(environ)
    for block in blocks():
        block.from_env(environ)


def test_a_process_has_the_secrets_that_it_uses_and_no_other() -> None:
    given = {name: set(each.get("secrets", [])) for name, each in of_ours().items()}
    redis, clickhouse, sealing = "redis_password", "clickhouse_password", "secret_key"

    # Whoever unseals webhook secrets is never one that clients can reach.
    assert given.pop("tools") == {redis, clickhouse, sealing}
    assert given.pop("deliver") == {redis, sealing}
    assert {name for name, secrets in given.items() if secrets == {clickhouse}} == {"ingest", "reports", "init"}
    assert {name for name, secrets in given.items() if secrets == {redis}} == {"gateway", "worker", "fanout", "retrain"}


@OURS
def test_a_process_of_ours_may_do_nothing_that_it_need_not(name: str) -> None:
    service = of_ours()[name]

    assert service["user"] == "10001:10001"
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert service.get("volumes", []) == (["files:/files"] if name == "gateway" else [])


@OURS
def test_a_process_is_given_longer_to_stop_than_it_takes(name: str) -> None:
    service = of_ours()[name]
    drain_s = ServiceSettings.from_env(service["environment"]).drain_s

    assert int(service["stop_grace_period"].removesuffix("s")) >= drain_s + 5
    assert drain_s > float(service["environment"].get("HEADRACE_GATEWAY__LINGER_S", 0))


def test_every_service_has_limits_a_pinned_image_and_somebody_who_looks_after_it() -> None:
    for name, service in services().items():
        resources = service["deploy"]["resources"]
        assert resources.get("limits", {}).get("memory") or resources["reservations"]["devices"], name
        tag = service["image"].rpartition(":")[2]
        assert any(letter.isdigit() for letter in tag), f"{name}: {service['image']} is whatever is newest"
        assert service["restart"], name
        assert "healthcheck" in service or name in PROCESSES, f"{name} has no health check, nor has its image"


def test_nothing_is_reached_from_outside_but_the_gateway_and_grafana_and_these_from_this_machine_only() -> None:
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}

    assert published == {"gateway": ["127.0.0.1:8080:8080"], "grafana": ["127.0.0.1:3000:3000"]}
    assert loaded("compose.yaml")["networks"]["inside"]["internal"] is True


def test_who_calls_or_is_called_from_outside_has_a_network_that_leads_there_and_nobody_else() -> None:
    leading_out = {name for name, each in loaded("compose.yaml")["networks"].items() if not each.get("internal")}
    outside = {name for name, service in services().items() if leading_out & set(service["networks"])}

    # A model server of one's own, webhooks, models to be fetched; and what is published needs one, too.
    calling, published = {"worker", "deliver", "tgi-gpu", "tgi-cpu"}, {"gateway", "grafana"}
    assert outside == calling | published


def test_what_a_service_names_is_there() -> None:
    file = loaded("compose.yaml")
    for name, service in services().items():
        assert set(service["networks"]) <= set(file["networks"]), name
        assert set(service.get("secrets", [])) <= set(file["secrets"]), name
        assert set(service.get("depends_on", {})) <= set(services()), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            there = (DEPLOY / source).exists() if source.startswith(".") else source in file["volumes"]
            assert there, f"{name}: {source}"


def test_the_addresses_in_the_settings_are_services() -> None:
    aliases = {alias for each in services().values() for alias in _aliases(each["networks"])}
    for service in of_ours().values():
        for variable, value in service["environment"].items():
            if variable.endswith(("_URL", "__URL", "SERVERS")) and value:
                host = value.rpartition("//")[2].rpartition("@")[2].partition(":")[0]
                assert host in {*services(), *aliases}, f"{variable}={value}"


def _aliases(networks: Any) -> list[str]:
    return networks.get("inside", {}).get("aliases", []) if isinstance(networks, dict) else []


def test_the_broker_takes_records_as_large_as_ours() -> None:
    environment = services()["kafka"]["environment"]

    assert int(environment["KAFKA_MESSAGE_MAX_BYTES"]) >= MESSAGE_MAX_BYTES + 64 * 1024
    assert int(environment["KAFKA_REPLICA_FETCH_MAX_BYTES"]) >= int(environment["KAFKA_MESSAGE_MAX_BYTES"])


def test_prometheus_scrapes_every_process_where_it_tells() -> None:
    ours, tgi = loaded("prometheus.yml")["scrape_configs"]
    (discovery,) = ours["dns_sd_configs"]

    assert set(discovery["names"]) == set(PROCESSES)
    assert discovery["port"] == METRICS_PORT
    assert {of_ours()[each]["environment"]["HEADRACE_METRICS__ADDRESS"] for each in PROCESSES} == {f":{METRICS_PORT}"}
    assert tgi["dns_sd_configs"][0]["port"] == int(services()["tgi-gpu"]["command"][-1])
