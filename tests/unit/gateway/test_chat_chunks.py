"""Chunks of a streamed answer, and what is told when an attempt starts over."""

import json
from typing import Any

from gateway.chat_chunks import DONE, Chunks, Sent
from infra.sse import Parser
from producers.events import Usage
from producers.jobs.live import Entry
from tests.support.builders import a_prompt


def told(sent: Sent, *entries: tuple[str, str]) -> list[str | None]:
    return [sent.take(Entry(at, kind, value)) for at, (kind, value) in enumerate(entries)]  # type: ignore[arg-type]


def data(content: bytes) -> list[Any]:
    return [json.loads(each.data) for each in Parser().feed(content) if each.data != "[DONE]"]


def test_text_is_passed_on_as_it_comes() -> None:
    sent = Sent()

    assert told(sent, ("status", "{}"), ("token", "It "), ("token", "scat")) == ["", "It ", "scat"]
    assert sent.rest("It scatters.") == "ters."
    assert sent.rest("It scatters.") == ""


def test_a_new_attempt_is_silent_while_it_repeats() -> None:
    sent = Sent()
    pieces = told(
        sent, ("token", "It sc"), ("snapshot", ""), ("token", "It"), ("token", " scatt"), ("snapshot", "It"),
        ("token", " scatters"), ("token", ".")
    )  # fmt: skip

    assert pieces == ["It sc", "", "", "att", "", "ers", "."]
    assert sent.rest("It scatters.") == ""


def test_a_new_attempt_that_differs_cannot_be_told() -> None:
    sent = Sent()

    assert told(sent, ("token", "It sc"), ("snapshot", ""), ("token", "It"), ("token", " was")) == [
        "It sc",
        "",
        "",
        None,
    ]


def test_an_answer_that_is_not_what_was_shown_cannot_be_told() -> None:
    for answer in ("It was.", "It"):
        sent = Sent()
        told(sent, ("token", "It sc"))
        assert sent.rest(answer) is None


def test_all_chunks_of_an_answer_carry_the_same_head() -> None:
    chunks = Chunks(a_prompt(), include_usage=True)
    content = chunks.role() + chunks.text("Hi", 2) + chunks.end("length", Usage(1, 2), 3)

    assert content.endswith(DONE)
    assert len({(each["id"], each["created"], each["model"], each["object"]) for each in data(content)}) == 1
    assert [each["usage"] for each in data(content)] == [
        None, None, None, {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    ]  # fmt: skip


def test_usage_is_not_told_unless_asked_for() -> None:
    chunks = Chunks(a_prompt(), include_usage=False)

    assert all("usage" not in each for each in data(chunks.role() + chunks.end("stop", Usage(1, 2), 3)))
