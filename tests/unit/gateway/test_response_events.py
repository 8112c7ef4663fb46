"""The events of a response: in order, numbered without a gap, the same at every gateway."""

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from gateway.readers.sent import Diverged
from gateway.responses.events import ResponseEvents
from infra.sse import Parser
from producers.events import (
    AnswerFailed,
    Choice,
    JobError,
    PromptSubmitted,
    ResponseTerms,
    Terminal,
    TokenLogprob,
    ToolCall,
)
from producers.jobs.live import Entry, Piece
from producers.jobs.record import JobRecord
from tests.support.builders import a_cancelled, a_completed, a_failed, a_prompt

RUNNING = ("status", '{"status":"running"}')
CALL = ToolCall("call_1", "weather", '{"city":"Rome"}')
OPENING = ["response.created", "response.queued", "response.in_progress"]
TEXT_BEGINS = ["response.output_item.added", "response.content_part.added"]
TEXT_ENDS = ["response.output_text.done", "response.content_part.done", "response.output_item.done"]


def a_response_prompt(**fields: Any) -> PromptSubmitted:
    return a_prompt(route="/v1/responses", response=ResponseTerms(), **fields)


def ended(ending: Terminal, state: str = "completed") -> JobRecord:
    return JobRecord(ending.job_id, state, ending.prompt, ending, attempt=1, cancelling=False, times={})


def entries(*told: tuple[str, str]) -> list[Entry]:
    return [Entry(seq, kind, value) for seq, (kind, value) in enumerate(told, start=1)]  # type: ignore[arg-type]


def told(job: JobRecord, *given: tuple[str, str], after: int = -1) -> list[dict[str, Any]]:
    """The data of all events of a job whose stream held these entries."""
    events = ResponseEvents(job.prompt, after)
    content = events.begin() + b"".join(events.take(entry) for entry in entries(*given)) + events.end(job)
    found = list(Parser().feed(content))
    assert all(each.event == json.loads(each.data)["type"] for each in found)
    assert all(each.id == str(json.loads(each.data)["sequence_number"]) for each in found)
    return [json.loads(each.data) for each in found]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [each["type"] for each in events]


def test_an_answer_is_told_in_openais_order_numbered_without_a_gap() -> None:
    job = ended(a_completed(a_response_prompt(), "It scatters."))
    events = told(job, RUNNING, ("token", "It "), ("token", "scatters."))

    deltas = ["response.output_text.delta"] * 2
    assert kinds(events) == [*OPENING, *TEXT_BEGINS, *deltas, *TEXT_ENDS, "response.completed"]
    assert [each["sequence_number"] for each in events] == list(range(len(events)))
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == "It scatters."
    assert [each["response"]["status"] for each in events if "response" in each] == [
        "queued", "queued", "in_progress", "completed"
    ]  # fmt: skip


def test_who_comes_back_is_told_what_follows_and_nothing_else() -> None:
    job = ended(a_completed(a_response_prompt(), "It scatters."))
    stream = (RUNNING, ("token", "It "), ("snapshot", ""), ("token", "It scat"), ("token", "ters."))

    whole = told(job, *stream)
    for after in range(len(whole)):
        assert told(job, *stream, after=after) == whole[after + 1 :]


def test_an_attempt_that_begins_anew_is_silent_while_it_repeats() -> None:
    job = ended(a_completed(a_response_prompt(), "It scatters."))
    events = told(
        job, RUNNING, ("token", "It "), ("status", '{"status":"running"}'), ("snapshot", ""), ("token", "It scat")
    )

    assert [each["delta"] for each in events if "delta" in each] == ["It ", "scat", "ters."]
    assert kinds(events).count("response.in_progress") == 1


def test_an_attempt_that_differs_cannot_be_told() -> None:
    events = ResponseEvents(a_response_prompt())
    events.take(Entry(1, "token", "It "))
    events.take(Entry(2, "snapshot", ""))

    with pytest.raises(Diverged):
        events.take(Entry(3, "token", "Blue"))


def test_an_error_takes_no_number_from_what_follows_elsewhere() -> None:
    events = ResponseEvents(a_response_prompt())
    last = [json.loads(each.data)["sequence_number"] for each in Parser().feed(events.begin())][-1]
    (error,) = Parser().feed(events.error(JobError("Redis is away.")))

    assert (error.event, error.id) == ("error", "")
    assert json.loads(error.data)["sequence_number"] == last


def test_a_call_is_an_item_of_its_own() -> None:
    choice = Choice("", "tool_calls", (CALL,))
    job = ended(a_completed(a_response_prompt(), "", finish_reason="tool_calls", choices=(choice,)))
    events = told(job, RUNNING, ("piece", msgspec.json.encode(Piece("", 0, (CALL,))).decode()))

    assert kinds(events) == [
        *OPENING,
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ]
    (item,) = events[-1]["response"]["output"]
    assert (item["call_id"], item["name"], item["arguments"]) == ("call_1", "weather", CALL.arguments)
    assert item["id"] == events[-2]["item"]["id"] == events[3]["item"]["id"]


def test_log_probabilities_come_with_their_text() -> None:
    weight = TokenLogprob("It", -0.5, (TokenLogprob("It", -0.5),))
    choice = Choice("It", logprobs=(weight,))
    job = ended(a_completed(a_response_prompt(), "It", choices=(choice,)))
    events = told(job, RUNNING, ("piece", msgspec.json.encode(Piece("It", logprobs=(weight,))).decode()))

    weights = [each["logprobs"] for each in events if "logprobs" in each]
    assert weights[0] == weights[-1] == events[-1]["response"]["output"][0]["content"][0]["logprobs"]
    assert (weights[0][0]["token"], weights[0][0]["logprob"]) == ("It", -0.5)


@pytest.mark.parametrize(
    ("ending", "state", "last", "status"),
    [
        (
            lambda prompt: a_completed(prompt, "So", finish_reason="length"),
            "completed",
            "response.incomplete",
            "incomplete",
        ),
        (a_failed, "failed", "response.failed", "failed"),
        (lambda prompt: a_cancelled(prompt, ran=True, text="So"), "cancelled", "response.incomplete", "cancelled"),
    ],
)
def test_each_end_is_told_by_its_own_last_event(ending: Any, state: str, last: str, status: str) -> None:
    job = ended(ending(a_response_prompt()), state)
    events = told(job, RUNNING, ("token", "So"))

    assert (kinds(events)[-1], events[-1]["response"]["status"]) == (last, status)
    assert kinds(events)[-2] == "response.output_item.done"
    if isinstance(job.ending, AnswerFailed):
        assert events[-1]["response"]["error"]["code"] == "server_error"


def test_what_is_left_of_a_stream_ends_with_the_whole_text() -> None:
    job = ended(a_completed(a_response_prompt(), "It scatters."))
    events = [json.loads(each.data) for each in Parser().feed(ResponseEvents(job.prompt, 7).closing(job))]

    assert kinds(events) == [*TEXT_ENDS, "response.completed"]
    assert [each["sequence_number"] for each in events] == [8, 9, 10, 11]
    assert events[0]["text"] == "It scatters."


@pytest.mark.parametrize(("after", "numbers"), [(4, [7, 8, 9, 10]), (8, [9, 10]), (10, []), (30, [31, 32, 33, 34])])
def test_the_last_events_keep_the_numbers_under_which_they_were_told(after: int, numbers: list[int]) -> None:
    """Who was cut behind a greater one was told of an answer that nobody has heard to its end."""
    job = replace(ended(a_completed(a_response_prompt(), "It scatters.")), last_event=10)
    events = ResponseEvents(job.prompt, after)
    told = [json.loads(each.data) for each in Parser().feed(events.closing(job))]

    assert [each["sequence_number"] for each in told] == numbers
    assert events.last == (numbers or [10])[-1]
