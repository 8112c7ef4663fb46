"""`headrace topics` against a real broker."""

import json
from contextlib import closing
from pathlib import Path

from kafka.admin import ConfigResource, ConfigResourceType

from infra import kafka
from infra.settings import KafkaSettings
from producers.log import topic_admin
from producers.log.topics import ANSWERS, BY_NAME, REGISTRY, TOPICS
from tests.support.command import headrace
from tests.support.topics import a_narrow_topic


def test_topics_are_created_once_and_are_then_as_the_contracts_say(
    kafka_settings: KafkaSettings, tmp_path: Path
) -> None:
    first = headrace("topics", "create", settings=(kafka_settings,), folder=tmp_path)
    again = headrace("topics", "create", settings=(kafka_settings,), folder=tmp_path)
    checked = headrace("topics", "check", settings=(kafka_settings,), folder=tmp_path)

    assert first.stdout.endswith(f"{len(TOPICS)} topics created, 0 were there already\n"), first.stderr
    assert again.stdout == f"0 topics created, {len(TOPICS)} were there already\n"
    assert (checked.returncode, checked.stderr) == (0, "")
    assert _options(kafka_settings, REGISTRY.name)["cleanup.policy"] == "compact"
    kept = _options(kafka_settings, ANSWERS.name)
    assert kept["cleanup.policy"] == "delete"
    assert int(kept["retention.ms"]) == ANSWERS.retention_ms
    assert int(kept["max.message.bytes"]) == kafka.MAX_RECORD_BYTES


def test_what_was_created_and_what_differs_is_told_as_json(kafka_settings: KafkaSettings, tmp_path: Path) -> None:
    settings = (kafka_settings,)
    missing = headrace("topics", "check", "--json", settings=settings, folder=tmp_path)
    created = headrace("topics", "create", "--json", settings=settings, folder=tmp_path)
    right = headrace("topics", "check", "--json", settings=settings, folder=tmp_path)

    assert {each["what"] for each in json.loads(missing.stdout)} == {"the topic"}
    assert json.loads(missing.stderr)["exit_code"] == missing.returncode == 1
    assert json.loads(created.stdout)["there"] == 0
    assert len(json.loads(created.stdout)["created"]) == len(TOPICS)
    assert (right.returncode, json.loads(right.stdout), right.stderr) == (0, [], "")


def test_a_topic_with_too_few_partitions_is_refused_by_name_and_left_as_it_is(
    kafka_settings: KafkaSettings, tmp_path: Path
) -> None:
    name = f"{kafka_settings.topic_prefix}{ANSWERS.name}"
    with closing(kafka.admin(kafka_settings)) as admin:
        admin.create_topics({name: {"num_partitions": 2, "replication_factor": 1}}, wait_for_metadata=True)

    created = headrace("topics", "create", settings=(kafka_settings,), folder=tmp_path)
    checked = headrace("topics", "check", settings=(kafka_settings,), folder=tmp_path)

    assert created.returncode == 1
    assert f"{name} has 2 partitions and needs {ANSWERS.partitions}" in created.stderr
    assert checked.returncode == 1
    assert f"{name}: the number of partitions should be {ANSWERS.partitions} and is 2" in checked.stdout
    with closing(kafka.admin(kafka_settings)) as admin:
        assert [len(each["partitions"]) for each in admin.describe_topics([name])] == [2]


def test_a_topic_for_records_smaller_than_ours_is_refused_by_name(
    kafka_settings: KafkaSettings, tmp_path: Path
) -> None:
    a_narrow_topic(kafka_settings, ANSWERS, 1_000_000)

    created = headrace("topics", "create", settings=(kafka_settings,), folder=tmp_path)
    grave = [each.what for each in topic_admin.check(kafka_settings, [ANSWERS]) if each.grave]

    assert created.returncode == 1
    assert f"{ANSWERS.name} takes records of 1000000 bytes and needs {kafka.MAX_RECORD_BYTES}" in created.stderr
    assert grave == ["max.message.bytes"]


def test_a_topic_of_prompts_that_the_broker_would_cut_by_size_is_a_grave_difference(
    kafka_settings: KafkaSettings,
) -> None:
    prompts = BY_NAME["prompts.standard"]
    name = f"{kafka_settings.topic_prefix}{prompts.name}"
    with closing(kafka.admin(kafka_settings)) as admin:
        made = {"num_partitions": prompts.partitions, "replication_factor": 1}
        admin.create_topics({name: {**made, "configs": {"retention.bytes": "1000000"}}}, wait_for_metadata=True)

    grave = [each for each in topic_admin.check(kafka_settings, [prompts]) if each.grave]

    assert f"{name}: retention.bytes should be -1 and is 1000000" in map(str, grave)


def test_without_a_broker_the_command_says_so_and_ends_with_three(tmp_path: Path) -> None:
    unknown = headrace("topics", "create", folder=tmp_path)
    gone = headrace(
        "topics", "check", settings=(KafkaSettings(bootstrap_servers="127.0.0.1:1"),), folder=tmp_path
    )  # fmt: skip

    assert (unknown.returncode, gone.returncode) == (3, 3)
    assert "HEADRACE_KAFKA__BOOTSTRAP_SERVERS is empty" in unknown.stderr
    assert "no broker answers at 127.0.0.1:1" in gone.stderr


def test_the_list_of_topics_needs_no_broker(tmp_path: Path) -> None:
    table = headrace("topics", "list", folder=tmp_path)
    plain = headrace("topics", "list", "--json", folder=tmp_path)

    assert all(each.name in table.stdout for each in TOPICS)
    assert [each["name"] for each in json.loads(plain.stdout)] == [each.name for each in TOPICS]


def _options(settings: KafkaSettings, name: str) -> dict[str, str]:
    full = f"{settings.topic_prefix}{name}"
    with closing(kafka.admin(settings)) as admin:
        found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, full)], config_filter="all")
    return {option: each["value"] for option, each in found["topic"][full].items()}
