"""`headrace keys` against a real broker."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra import lock
from infra.local.stack.printed import NewKey, read
from infra.sealing import Seal
from infra.settings import CommonSettings, KafkaSettings
from producers.access.registry import Registry, RegistryReader
from producers.log import topic_admin
from producers.log.topics import AUDIT, REGISTRY
from tests.support.command import headrace

SECRETS = CommonSettings(secret_key="a key of more than thirty-two characters")


@pytest.fixture
def log(kafka_settings: KafkaSettings) -> KafkaSettings:
    topic_admin.create(kafka_settings, [REGISTRY, AUDIT])
    return kafka_settings


def make_key(log: KafkaSettings, folder: Path, tenant: str = "acme") -> dict[str, Any]:
    made = headrace(
        "keys", "create", "--tenant", tenant, "--name", "a test", "--requests-per-minute", "7", "--json",
        settings=(log, SECRETS), folder=folder,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    key: dict[str, Any] = json.loads(made.stdout)
    assert read("key", made.stdout, NewKey) == NewKey(key["api_key"], key["webhook_secret"])
    return key


async def read_registry(log: KafkaSettings) -> Registry:
    reader = RegistryReader(log, "test")
    reader.start()
    try:
        await reader.wait_ready(45)
    finally:
        await reader.close()
    return reader.registry


async def test_a_key_is_shown_once_and_the_log_holds_only_its_hash(log: KafkaSettings, tmp_path: Path) -> None:
    made = make_key(log, tmp_path)

    registry = await read_registry(log)
    known = registry.key_for(made["api_key"], 0.0)
    assert known is not None
    assert (known.id, known.tenant, known.requests_per_minute) == (made["id"], "acme", 7)
    assert made["api_key"] not in repr(known)
    assert Seal(SECRETS.secret_key).unseal(known.webhook_secret_encrypted) == made["webhook_secret"]
    assert list(registry.tenants) == ["acme"]


async def test_a_revoked_key_is_unknown_and_revoking_twice_is_once(log: KafkaSettings, tmp_path: Path) -> None:
    gone, stays = make_key(log, tmp_path), make_key(log, tmp_path)

    first = headrace("keys", "revoke", gone["id"], settings=(log,), folder=tmp_path)
    again = headrace("keys", "revoke", gone["id"], "--json", settings=(log,), folder=tmp_path)
    never = headrace("keys", "revoke", "key_unknown", settings=(log,), folder=tmp_path)

    assert first.stdout == f"{gone['id']} is revoked\n"
    assert json.loads(again.stdout) == {"id": gone["id"], "now": False}
    assert never.returncode == 1
    assert "there is no key key_unknown" in never.stderr
    registry = await read_registry(log)
    assert registry.key_for(gone["api_key"], 0.0) is None
    assert registry.key_for(stays["api_key"], 0.0) is not None
    listed = headrace("keys", "list", "--json", settings=(log,), folder=tmp_path)
    assert {each["id"]: each["revoked"] for each in json.loads(listed.stdout)} == {gone["id"]: True, stays["id"]: False}
    assert stays["api_key"] not in listed.stdout


def test_every_key_is_a_whole_line_in_a_pipe_and_one_is_shown_with_all_that_is_known(
    log: KafkaSettings, tmp_path: Path
) -> None:
    made, long = make_key(log, tmp_path), make_key(log, tmp_path, "a-tenant-of-" + "long-" * 9 + "name")

    listed = headrace("keys", "list", settings=(log,), folder=tmp_path, COLUMNS="80")
    shown = headrace("keys", "show", made["id"], settings=(log,), folder=tmp_path, COLUMNS="80")
    plain = headrace("keys", "show", long["id"], "--json", settings=(log,), folder=tmp_path)
    unknown = headrace("keys", "show", "key_unknown", settings=(log,), folder=tmp_path)

    lines = [each for each in listed.stdout.splitlines() if each.strip()]
    assert [each.split() for each in lines if made["id"] in each] == [[made["id"], "acme", "a", "test", "valid"]]
    assert [long["tenant"] in each for each in lines if long["id"] in each] == [True]
    assert "…" not in listed.stdout, "cut off"
    assert len(lines) == 4, "a line for each, the names of the columns, and a rule"
    assert f"begins with  {made['api_key'][:18]}…" in shown.stdout
    assert "limits       7 requests a minute, 200 jobs in flight" in shown.stdout
    assert made["api_key"] not in shown.stdout
    assert json.loads(plain.stdout)["tenant"] == long["tenant"]
    assert (unknown.returncode, "there is no key key_unknown" in unknown.stderr) == (1, True)


async def test_a_key_is_changed_rotated_and_found_and_every_act_is_on_record(
    log: KafkaSettings, tmp_path: Path
) -> None:
    made = make_key(log, tmp_path)

    def told(*words: str) -> Any:
        ran = headrace(*words, "--json", settings=(log,), folder=tmp_path)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    changed = told(
        "keys", "change", made["id"], "--tokens-per-day", "9", "--no-limit", "jobs-in-flight", "--scope", "read"
    )
    turned = told("keys", "rotate", made["id"], "--overlap-s", "0")
    tenant = told("tenants", "change", "acme", "--queued-jobs", "3")
    found = told("keys", "list", "--prefix", turned["api_key"])
    acts = told("acts", "--of", "acme")
    shown = headrace("acts", settings=(log,), folder=tmp_path, COLUMNS="80")

    registry = await read_registry(log)
    known = registry.key_for(turned["api_key"], 0.0)
    assert known is not None
    assert registry.key_for(made["api_key"], 0.0) is None
    assert (known.scopes, known.tokens_per_day, known.jobs_in_flight) == (("read",), 9, None)
    assert (changed["tokens_per_day"], changed["requests_per_minute"]) == (9, 7)
    assert (tenant["queued_jobs"], tenant["keys"]) == (3, 1)
    assert registry.limits_of("acme").queued_jobs == 3
    assert [each["id"] for each in found] == [made["id"]]
    assert [each["act"] for each in acts] == [
        "tenant.changed", "key.rotated", "key.changed", "key.created", "tenant.changed",
    ]  # fmt: skip
    assert {each["via"] for each in acts} == {"command line"}
    assert all(each["actor"] and each["origin"] for each in acts)
    assert turned["api_key"] not in json.dumps(acts)
    assert shown.stdout.count("key.") == 3


def test_where_no_address_is_given_the_running_stack_is_meant(log: KafkaSettings, tmp_path: Path) -> None:
    (tmp_path / ".headrace").mkdir()
    (tmp_path / ".headrace" / "stack.json").write_text(json.dumps({"kafka": log.bootstrap_servers}))
    (tmp_path / ".headrace" / "secret.key").write_text(SECRETS.secret_key + "\n")

    with lock.held(tmp_path / ".headrace" / "lock"):
        made = headrace(
            "keys", "create", "--tenant", "acme", "--name", "a test",
            settings=(KafkaSettings(topic_prefix=log.topic_prefix),), folder=tmp_path,
        )  # fmt: skip

    assert made.returncode == 0, made.stderr
    assert "webhook secret  whsec_" in made.stdout


def test_a_key_without_a_secret_key_or_with_a_strange_tenant_is_refused(tmp_path: Path) -> None:
    unsealed = headrace("keys", "create", "--tenant", "acme", "--name", "a test", folder=tmp_path)
    strange = headrace("keys", "create", "--tenant", "a/b", "--name", "a test", folder=tmp_path)

    assert (unsealed.returncode, strange.returncode) == (2, 2)
    assert "HEADRACE_SECRET_KEY must have at least 32 characters" in unsealed.stderr
    assert "1 to 64 letters" in strange.stderr


async def test_a_model_that_nobody_serves_here_is_warned_of_and_may_be_named_all_the_same(
    log: KafkaSettings, tmp_path: Path
) -> None:
    made = headrace(
        "keys", "create", "--tenant", "acme", "--name", "a", "--model", "nope", "--json",
        settings=(log, SECRETS), folder=tmp_path,
    )  # fmt: skip

    assert (made.returncode, json.loads(made.stdout)["models"]) == (0, ["nope"])
    assert "HEADRACE_GATEWAY__MODELS does not name nope" in made.stderr
