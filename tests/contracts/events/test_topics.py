"""What every topic must have: a schema as the classes say, writers, readers, and sensible keeping."""

from pathlib import Path

import pytest

from producers import contracts
from producers.events import LANES
from producers.log.topics import ANSWERS, CONVERSATIONS, REGISTRY, TOPICS, Topic, prompts


def test_the_schemas_are_as_the_event_classes_say() -> None:
    assert contracts.stale() == [], "run `make schemas`"


def test_a_schema_of_no_topic_is_stale_and_written_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contracts, "SCHEMAS", tmp_path)
    contracts.write()
    surplus = contracts.SCHEMAS / "gone.v1.schema.json"
    surplus.write_text("{}")
    changed = contracts.schema_path(ANSWERS)
    changed.write_text("{}")

    assert contracts.stale() == [changed, surplus]
    contracts.write()
    assert contracts.stale() == []


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_every_topic_has_writers_and_readers(topic: Topic) -> None:
    assert topic.written_by
    assert topic.read_by
    assert topic.partitions >= 1


def test_only_the_registry_is_compacted() -> None:
    assert [each for each in TOPICS if each.compacted] == [REGISTRY]


def test_answers_are_kept_for_at_least_as_long_as_prompts_and_conversations() -> None:
    others = (*map(prompts, LANES), CONVERSATIONS)

    assert all(ANSWERS.retention_ms >= each.retention_ms for each in others)
