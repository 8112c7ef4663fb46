"""Every event has golden examples, and they decode: what is in a topic must be readable for as long as it is kept."""

import json
import typing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from infra.errors import InvalidEvent
from producers import contracts, events
from producers.log import codec
from producers.log.topics import ANSWERS, REGISTRY, TOPICS, Topic

EXAMPLES = [
    pytest.param(topic, path, id=f"{topic.name}/{path.name}") for topic in TOPICS for path in contracts.examples(topic)
]


def kinds(topic: Topic) -> tuple[type[events.Event], ...]:
    return typing.get_args(topic.events) or (topic.events,)


def test_every_event_is_said_on_a_topic() -> None:
    said = {kind for topic in TOPICS for kind in kinds(topic)}

    known = {each for each in vars(events).values() if isinstance(each, type) and issubclass(each, events.Event)}
    assert known - {events.Event, events.Ending} == said


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_every_event_has_an_example_with_all_its_fields_and_one_with_the_oldest(topic: Topic) -> None:
    names = {path.name for path in contracts.examples(topic)}

    wanted = {f"{kind.__name__}{part}.json" for kind in kinds(topic) for part in ("", ".oldest")}
    assert wanted <= names, f"write {wanted - names} into {contracts.EXAMPLES / topic.name}"


@pytest.mark.parametrize(("topic", "path"), EXAMPLES)
def test_an_example_decodes_to_its_class(topic: Topic, path: Path) -> None:
    event = codec.decode(topic, path.read_bytes())

    assert type(event).__name__ == path.name.split(".")[0]


@pytest.mark.parametrize(("topic", "path"), EXAMPLES)
def test_an_example_encodes_back_and_only_gains_what_has_a_default(topic: Topic, path: Path) -> None:
    before = json.loads(path.read_bytes())

    after = json.loads(codec.encode(codec.decode(topic, path.read_bytes())))

    if ".oldest." in path.name:
        assert contained(before, after)
    else:
        assert after == before, f"a field was added or taken away: mend {path} (never its .oldest)"


@pytest.mark.parametrize(("topic", "path"), EXAMPLES)
def test_a_record_of_a_later_release_with_unknown_fields_still_decodes(topic: Topic, path: Path) -> None:
    later = json.dumps({**json.loads(path.read_bytes()), "added_later": {"x": [1]}}).encode()

    assert codec.decode(topic, later) == codec.decode(topic, path.read_bytes())


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"null", b"\xff\xfe", b"{}", b'{"type":"NoSuchEvent"}'])
def test_what_is_no_event_is_refused_as_invalid(topic: Topic, value: bytes | None) -> None:
    with pytest.raises(InvalidEvent):
        codec.decode(topic, value)


@pytest.mark.parametrize(
    "value",
    [
        b'{"type":"TenantDefined","id":"acme","name":"\xff"}',
        b'{"type":"TenantDefined","id":"acme","name":"Acme","more":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"type":"TenantDefined","id":"acme","name":"Acme","at_ms":1e999}',
        b'{"type":"TenantDefined","id":"acme","name":"\\ud800"}',
    ],
    ids=["broken UTF-8", "nested without end", "a number beyond measure", "half a character"],
)
def test_what_no_writer_of_ours_would_write_is_refused_as_invalid(value: bytes) -> None:
    with pytest.raises(InvalidEvent):
        codec.decode(REGISTRY, value)


def test_a_field_of_the_wrong_type_is_named() -> None:
    example = json.loads((contracts.EXAMPLES / ANSWERS.name / "AnswerCompleted.json").read_bytes())
    example["prompt"]["lane"] = "fast"

    with pytest.raises(InvalidEvent, match=r"\$\.prompt\.lane"):
        codec.decode(ANSWERS, json.dumps(example).encode())


def test_an_event_of_another_topic_is_refused() -> None:
    answer = (contracts.EXAMPLES / ANSWERS.name / "AnswerCompleted.json").read_bytes()

    with pytest.raises(InvalidEvent, match="AnswerCompleted"):
        codec.decode(REGISTRY, answer)


def test_events_are_frozen() -> None:
    event = codec.decode(REGISTRY, (contracts.EXAMPLES / REGISTRY.name / "TenantDefined.json").read_bytes())

    with pytest.raises(AttributeError):
        event.name = "another"


def contained(part: Any, whole: Any) -> bool:
    """Whether everything in `part` stands in `whole` too."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(name in whole and contained(part[name], whole[name]) for name in part)
    if isinstance(part, list):
        return isinstance(whole, list) and len(part) == len(whole) and all(map(contained, part, whole))
    return bool(part == whole)


def test_every_field_that_is_not_in_the_oldest_example_has_a_default() -> None:
    for topic in TOPICS:
        for kind in kinds(topic):
            oldest = json.loads((contracts.EXAMPLES / topic.name / f"{kind.__name__}.oldest.json").read_bytes())
            required = {each.encode_name for each in msgspec.structs.fields(kind) if each.required}
            assert required <= set(oldest), f"{kind.__name__} asks for more than its oldest records have"
