"""What `headrace tail` says of a record, and which records it takes."""

from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from kafka import TopicPartition

from infra.screen import visible
from producers import contracts
from producers.log import codec
from producers.log.topics import ANSWERS, CONVERSATIONS, JOB_EVENTS, REGISTRY, TOPICS, Topic
from producers.tail.lines import LONGEST_TEXT, line, plain, whole
from producers.tail.places import FromStart, Last, Now, Since, instant_ms, offsets
from producers.tail.seen import Seen, Wanted, seen
from tests.support.builders import a_completed, a_prompt

EXAMPLES = [
    pytest.param(topic, path, id=f"{topic.name}/{path.name}") for topic in TOPICS for path in contracts.examples(topic)
]


@dataclass
class Record:
    """A record as the client library hands it over."""

    value: bytes | None
    key: bytes | None = b"k"
    partition: int = 3
    offset: int = 7
    timestamp: int = 1_800_000_000_123
    headers: tuple[tuple[str, bytes], ...] = ()


def told(topic: Topic, value: bytes | None, **fields: Any) -> Seen:
    return seen(topic, Record(value, **fields))


@pytest.mark.parametrize(("topic", "path"), EXAMPLES)
def test_every_event_there_is_has_a_line_and_an_object(topic: Topic, path: Path) -> None:
    found = told(topic, path.read_bytes())

    said = line(found, UTC).plain
    assert said.startswith(f"08:00:00.123 {found.type} ")
    assert said.endswith(f" {topic.name}/3@7")
    assert "\n" not in said
    assert codec.decode(topic, codec.encode(plain(found)["event"])) == found.event
    assert found.type in whole(found)


def test_a_long_text_is_shortened_on_the_line_and_whole_beneath_it() -> None:
    text = "word " * 200
    found = told(ANSWERS, codec.encode(a_completed(a_prompt(), text)))

    assert len(line(found).plain) < 200 + LONGEST_TEXT
    assert '…"' in line(found).plain
    assert text in whole(found)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
@pytest.mark.parametrize("value", [b"", b"\xff\x00nonsense", b"[" * 100_000, None])
def test_bytes_that_are_no_event_are_shown_as_such(topic: Topic, value: bytes | None) -> None:
    found = told(topic, value, key=b"\xff")

    assert found.type == "undecodable"
    assert "undecodable" in line(found).plain
    assert len(line(found).plain) < 500
    assert plain(found)["error"]


def test_what_a_terminal_would_obey_is_written_out() -> None:
    hostile = "\x1b]0;owned\x07\x1b[2Jred\u202e\r\n"
    found = told(ANSWERS, codec.encode(a_completed(a_prompt(tenant=hostile), hostile)))

    for said in (line(found).plain, whole(found)):
        assert "\x1b" not in said
        assert "\u202e" not in said
        assert "\r" not in said
    assert visible("plain übrig 水") == "plain übrig 水"


def test_what_matters_is_in_colour_and_only_the_rest_is_dim() -> None:
    said = line(told(ANSWERS, codec.encode(a_completed(a_prompt()))))

    styles = {said.plain[each.start : each.end].strip(): str(each.style) for each in said.spans}
    assert str(said.style) == ""
    assert styles["AnswerCompleted"] == "bold green"
    assert styles["answers/3@7"] == "dim"


def test_a_filter_takes_what_matches_all_of_it() -> None:
    prompt = a_prompt(tenant="acme", conversation="conv_1")
    answer = told(ANSWERS, codec.encode(a_completed(prompt)))

    assert Wanted().takes(answer)
    assert Wanted(job=prompt.job_id, tenant="acme", type="AnswerCompleted", conversation="conv_1").takes(answer)
    for other in (Wanted(job="x"), Wanted("x", "acme"), Wanted(type="AnswerFailed"), Wanted(conversation="conv_2")):
        assert not other.takes(answer)


def test_of_a_record_that_is_no_event_its_key_names_the_job() -> None:
    job = a_prompt().job_id
    broken = told(JOB_EVENTS, b"{}", key=job.encode())

    assert Wanted(job=job, type="undecodable").takes(broken)
    assert not Wanted(tenant="acme").takes(broken)


def test_a_tenant_is_found_in_every_topic_that_tells_it() -> None:
    defined = told(REGISTRY, b'{"type":"TenantDefined","id":"acme","name":"Acme"}')
    opened = told(CONVERSATIONS, b'{"type":"ConversationCreated","conversation":"conv_1","tenant":"acme"}')

    assert Wanted(tenant="acme").takes(defined)
    assert Wanted(tenant="acme", conversation="conv_1").takes(opened)


@pytest.mark.parametrize(
    ("text", "ago_ms"), [("90s", 90_000), ("10m", 600_000), ("1.5h", 5_400_000), ("2d", 172_800_000)]
)
def test_a_span_is_so_long_ago(text: str, ago_ms: float) -> None:
    assert instant_ms(text, 1e12) == 1e12 - ago_ms


def test_a_time_is_one_and_anything_else_is_refused() -> None:
    assert instant_ms("2027-01-15T08:00:00+00:00", 0.0) == 1_800_000_000_000
    for wrong in ("10", "m", "10 minutes", "-5m", ""):
        with pytest.raises(ValueError, match=r"isoformat|is neither"):
            instant_ms(wrong, 0.0)


class Broker:
    """What a broker says of two partitions: the first has the offsets 5 to 9, the second none."""

    full, empty = TopicPartition("t", 0), TopicPartition("t", 1)

    def beginning_offsets(self, _: object) -> dict[TopicPartition, int]:
        return {self.full: 5, self.empty: 0}

    def offsets_for_times(self, _: object) -> dict[TopicPartition, Any]:
        return {self.full: type("At", (), {"offset": 8}), self.empty: None}


@pytest.mark.parametrize(
    ("begin", "first"),
    [(Now(), (10, 0)), (FromStart(), (5, 0)), (Since(1.0), (8, 0)), (Last(2), (8, 0)), (Last(99), (5, 0))],
)
def test_reading_begins_where_it_was_asked_to(begin: Any, first: tuple[int, int]) -> None:
    broker = Broker()
    found = offsets(broker, [broker.full, broker.empty], begin, {broker.full: 10, broker.empty: 0})

    assert (found[broker.full], found[broker.empty]) == first
