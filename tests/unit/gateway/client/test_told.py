"""A job's stream as types, and as text that cannot be taken back."""

import json
from typing import Any

import msgspec
import pytest

from gateway.client.errors import Refused
from gateway.client.objects import Job
from gateway.client.told import DoneTold, JobEvent, Piece, Shown, SnapshotTold, StatusTold, TokenTold, read
from infra.sse import ServerSentEvent
from tests.support.unruly_gateway import job


def done(*args: Any, **fields: Any) -> DoneTold:
    return DoneTold(id="9", job=msgspec.convert(job(*args, **fields), Job))


def shown(*events: JobEvent) -> list[Piece | None]:
    screen = Shown()
    return [screen.take(each) for each in events]


def test_events_are_read_as_types_and_unknown_ones_passed_over() -> None:
    def event(kind: str, data: Any) -> ServerSentEvent:
        return ServerSentEvent(json.dumps(data), kind, "7")

    assert read(event("status", {"status": "running", "attempt": 2, "new": 1})) == StatusTold(
        id="7", status="running", attempt=2
    )
    assert read(event("token", {"text": "Bl"})) == TokenTold(id="7", text="Bl")
    assert read(event("snapshot", {"text": ""})) == SnapshotTold(id="7", text="")
    assert read(event("done", job())) == DoneTold(id="7", job=msgspec.convert(job(), Job))
    assert read(event("weather", {"sky": "blue"})) is None


@pytest.mark.parametrize("kind", ["status", "token", "snapshot", "done"])
@pytest.mark.parametrize("data", ["", "no JSON", "[]", '{"text": 1, "status": 1}', '"\ud800"'])
def test_an_event_that_cannot_be_understood_is_an_error_of_the_promised_tree(kind: str, data: str) -> None:
    with pytest.raises(Refused, match="is this a Headrace gateway"):
        read(ServerSentEvent(data, kind, "7"))


def test_tokens_are_shown_as_they_come_and_the_end_adds_nothing() -> None:
    told = shown(
        StatusTold(id="1", status="running"),
        TokenTold(id="2", text="Bl"),
        TokenTold(id="3", text="ue."),
        done(text="Blue."),
    )

    assert told == [None, Piece(text="Bl", whole="Bl"), Piece(text="ue.", whole="Blue."), None]


def test_a_snapshot_adds_only_what_was_not_shown_yet() -> None:
    told = shown(TokenTold(id="1", text="Bl"), SnapshotTold(id="2", text="Blue"), done(text="Blue."))

    assert [each.text for each in told if each] == ["Bl", "ue", "."]


def test_an_answer_that_starts_over_says_so() -> None:
    told = shown(TokenTold(id="1", text="Red"), SnapshotTold(id="2", text="Blue"))

    assert told[1] == Piece(text="Blue", whole="Blue", starts_over=True)


def test_an_answer_from_the_cache_comes_with_the_end() -> None:
    assert shown(done(text="Blue.")) == [Piece(text="Blue.", whole="Blue.")]


def test_a_job_without_an_answer_says_why() -> None:
    failed = done("failed", error={"message": "the model server is overloaded"}).job

    assert (failed.text, failed.ended) == (None, True)
    assert failed.failure == "the job job_1 is failed: the model server is overloaded"
    assert done("aborted").job.failure == "the job job_1 is aborted"
