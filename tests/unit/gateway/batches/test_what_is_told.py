"""What became of a line, and what is left to those who wait for their answers."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from gateway.batches.asking import WrongLine
from gateway.batches.ends import Left, LineAnswered, LineEnd, LineLeft, LineRefused, NotNow, meant_by
from gateway.batches.filling import leaves_room
from gateway.batches.outputs import LineName, Tally, end_of, told_id, told_of
from gateway.batches.retelling import id_of, told_in
from gateway.batches.standing import standing_of
from gateway.no_job import Deleted, GivenUp, NoJob
from infra.errors import OurFault, TooLarge, TryAgain, Unavailable, WrongField
from producers.events import AnswerExpired, Terminal, Usage
from producers.limits.standing import Standing
from tests.support.builders import a_cancelled, a_completed, a_failed, a_prompt

PROMPT = a_prompt()
ENDINGS: list[tuple[Terminal | None, Left, str, int | None, str | None]] = [
    (a_completed(PROMPT), "failed", "answer", 200, None),
    (a_failed(PROMPT), "failed", "error", 500, None),
    (a_cancelled(PROMPT), "cancelled", "left", None, "batch_cancelled"),
    (a_cancelled(PROMPT), "failed", "error", 409, None),
    (AnswerExpired(job_id=PROMPT.job_id, prompt=PROMPT), "expired", "left", None, "batch_expired"),
    (None, "expired", "left", None, "batch_expired"),
    (None, "cancelled", "left", None, "batch_cancelled"),
]


NAME = LineName("batch_1/1", "mine", "job_1")


@pytest.mark.parametrize(("ending", "left", "kind", "status", "code"), ENDINGS)
def test_a_line_is_told_as_its_job_ended(
    ending: Terminal | None, left: Left, kind: str, status: int | None, code: str | None
) -> None:
    told, tally = told_of(NAME, LineLeft(left) if ending is None else end_of(ending, left)), Tally()
    tally.count(told)
    line: dict[str, Any] = msgspec.json.decode(told.text)

    assert told.text.endswith(b"}\n")
    assert (told.kind, line["custom_id"]) == (kind, "mine")
    assert (line["response"] and line["response"]["status_code"]) == status
    assert (line["error"] and line["error"]["code"]) == code
    assert (tally.completed, tally.failed, tally.left) == (kind == "answer", kind != "answer", kind == "left")


OF_TEXTS = LineAnswered({"object": "list", "usage": {"prompt_tokens": 9, "total_tokens": 9}}, Usage(9, 0))


@pytest.mark.parametrize(
    "end",
    [
        end_of(a_completed(PROMPT), "failed"),
        end_of(a_completed(a_prompt(route="/v1/responses")), "failed"),
        OF_TEXTS,
        end_of(a_failed(PROMPT), "failed"),
        LineLeft("expired"),
    ],
    ids=["a chat", "a response", "texts", "an error", "left"],
)
async def test_what_was_told_of_a_line_is_told_again_as_it_was(end: LineEnd) -> None:
    told = told_of(NAME, end)

    async def pieces() -> AsyncIterator[bytes]:
        yield told.text + told.text

    assert [each async for each in told_in(pieces())] == [told, told]
    assert id_of(told) == told_id(NAME.line)


@pytest.mark.parametrize(
    ("error", "status", "code", "param"),
    [
        (WrongLine("model_not_found", "no such model", "body.model"), 404, "model_not_found", "model"),
        (WrongField("too long", "input"), 400, None, "input"),
        (TooLarge("5,282,114 bytes"), 413, "too_large", None),
        (Deleted(), 404, "not_found", None),
        (TypeError("unhashable type: 'list'"), 500, "internal_error", None),
        (RecursionError(), 500, "internal_error", None),
        (OurFault("other_payload"), 500, "internal_error", None),
    ],
)
def test_what_does_not_pass_by_itself_ends_its_line_which_says_its_number(
    error: Exception | NoJob, status: int, code: str | None, param: str | None
) -> None:
    meant = meant_by(error, 7)
    assert isinstance(meant, LineRefused)
    told = told_of(NAME, meant)
    response = msgspec.json.decode(told.text)["response"]
    said = response["body"]["error"]

    assert (told.kind, response["status_code"], response["request_id"]) == ("error", status, "job_1")
    assert (said["code"], said["param"]) == (code, param)
    assert said.keys() == {"message", "type", "param", "code"}
    assert said["message"].startswith("Line 7: ")


@pytest.mark.parametrize("error", [TryAgain("soon", after_s=3.0), Unavailable("redis"), GivenUp()])
def test_what_passes_by_itself_ends_no_line(error: Exception | NoJob) -> None:
    assert isinstance(meant_by(error, 7), NotNow)


@pytest.mark.parametrize(
    ("state", "published", "stands"),
    [
        (None, None, "unknown"),
        (b"aborted", None, "unknown"),
        (b"aborted", b"0:1", "failed"),
        (b"accepting", None, "accepting"),
        (b"queued", None, "under way"),
        (b"finishing", None, "under way"),
        (b"completed", b"0:1", "completed"),
        (b"expired", b"0:1", "failed"),
    ],
)
def test_a_job_that_was_given_up_before_the_log_held_it_never_was(
    state: bytes | None, published: bytes | None, stands: str
) -> None:
    assert standing_of(state, published) == stands


HALF = Standing(100, 100, 10, 10, request_level=50.0, token_level=50.0, in_flight=5, waiting=5)


def test_a_batch_takes_at_most_half_of_what_its_key_may_do() -> None:
    assert leaves_room(HALF)
    assert leaves_room(Standing()), "nothing is limited"
    for less in ({"request_level": 49.0}, {"token_level": 49.0}, {"in_flight": 6}, {"waiting": 6}):
        assert not leaves_room(msgspec.structs.replace(HALF, **less)), less
