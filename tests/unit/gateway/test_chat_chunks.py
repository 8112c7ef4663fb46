"""Chunks of a streamed answer, and what is told when an attempt starts over."""

import json
from typing import Any

import msgspec
import pytest

from gateway.chat.chunks import DONE, Chunks
from gateway.readers.sent import Diverged, Sent
from infra.sse import Parser
from producers.events import Choice, Sampling, TokenLogprob, ToolCall, Truncated, Usage
from producers.jobs.live import Entry, Piece
from tests.support.builders import a_completed, a_prompt

CALL = ToolCall("call_1", "weather", '{"city":"Rome"}')


def told(sent: Sent, *entries: tuple[str, str | Piece]) -> list[str]:
    taken = [
        sent.take(Entry(at, kind, msgspec.json.encode(value).decode() if isinstance(value, Piece) else value))  # type: ignore[arg-type]
        for at, (kind, value) in enumerate(entries)
    ]
    return ["" if each is None else each.text for each in taken]


def rest(sent: Sent, text: str) -> list[Piece]:
    return sent.rest(a_completed(a_prompt(), text))


def data(content: bytes) -> list[Any]:
    return [json.loads(each.data) for each in Parser().feed(content) if each.data != "[DONE]"]


def test_text_is_passed_on_as_it_comes() -> None:
    sent = Sent()

    assert told(sent, ("status", "{}"), ("token", "It "), ("token", "scat")) == ["", "It ", "scat"]
    assert rest(sent, "It scatters.") == [Piece("ters.")]
    assert rest(sent, "It scatters.") == []


def test_a_new_attempt_is_silent_while_it_repeats() -> None:
    sent = Sent()
    pieces = told(
        sent, ("token", "It sc"), ("snapshot", ""), ("token", "It"), ("token", " scatt"), ("snapshot", "It"),
        ("token", " scatters"), ("token", ".")
    )  # fmt: skip

    assert pieces == ["It sc", "", "", "att", "", "ers", "."]
    assert rest(sent, "It scatters.") == []


def test_a_new_attempt_that_differs_cannot_be_told() -> None:
    sent = Sent()
    told(sent, ("token", "It sc"), ("snapshot", ""), ("token", "It"))

    with pytest.raises(Diverged):
        told(sent, ("token", " was"))


@pytest.mark.parametrize("answer", ["It was.", "It"])
def test_an_answer_that_is_not_what_was_shown_cannot_be_told(answer: str) -> None:
    sent = Sent()
    told(sent, ("token", "It sc"))

    with pytest.raises(Diverged):
        rest(sent, answer)


def test_each_choice_is_compared_with_what_was_sent_of_it() -> None:
    sent = Sent()
    first, second = Piece("Yes.", 1), Piece("Yes, it is.", 1)

    assert told(sent, ("token", "No."), ("piece", first), ("snapshot", ""), ("token", "No.")) == ["No.", "Yes.", "", ""]
    with pytest.raises(Diverged):
        told(sent, ("piece", second))


def test_a_call_is_told_once_however_often_an_attempt_makes_it() -> None:
    sent, call = Sent(), Piece("", 0, (CALL,))
    entry = Entry(1, "piece", msgspec.json.encode(call).decode())

    assert sent.take(entry) == call
    assert sent.take(Entry(2, "snapshot", "")) is None
    assert sent.take(entry) is None
    assert sent.rest(a_completed(a_prompt(), "", choices=(Choice("", "tool_calls", (CALL,)),))) == []


def test_the_log_probabilities_of_repeated_tokens_are_not_told_again() -> None:
    sent = Sent()
    tokens = (TokenLogprob("It", -0.1), TokenLogprob(" scatters", -0.2))
    told(sent, ("piece", Piece("It", logprobs=tokens[:1])), ("snapshot", ""))

    fresh = sent.take(Entry(3, "piece", msgspec.json.encode(Piece("It scatters", logprobs=tokens)).decode()))

    assert fresh == Piece(" scatters", logprobs=tokens[1:])


def test_all_chunks_of_an_answer_carry_the_same_head() -> None:
    chunks = Chunks(a_prompt(), include_usage=True)
    answer = a_completed(a_prompt(), "Hi", finish_reason="length", usage=Usage(1, 2))
    content = chunks.roles() + chunks.piece(Piece("Hi"), 2) + chunks.end(answer, 3)

    assert content.endswith(f"data: {DONE}\n\n".encode())
    assert len({(each["id"], each["created"], each["model"], each["object"]) for each in data(content)}) == 1
    assert [each["usage"] for each in data(content)] == [
        None, None, None, {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    ]  # fmt: skip


def test_usage_is_not_told_unless_asked_for() -> None:
    chunks = Chunks(a_prompt(), include_usage=False)
    answer = a_completed(a_prompt(), "Hi", usage=Usage(1, 2))

    assert all("usage" not in each for each in data(chunks.roles() + chunks.end(answer, 3)))


def test_every_choice_has_its_own_first_and_last_chunk() -> None:
    prompt = a_prompt(sampling=Sampling(n=2))
    chunks = Chunks(prompt, include_usage=False)
    answer = a_completed(prompt, "A", choices=(Choice("A"), Choice("B", "length")))
    choices = [
        each["choices"][0] for each in data(chunks.roles() + chunks.piece(Piece("B", 1), 1) + chunks.end(answer, 2))
    ]

    assert [(each["index"], each["finish_reason"]) for each in choices] == [
        (0, None), (1, None), (1, None), (0, "stop"), (1, "length")
    ]  # fmt: skip


def test_a_call_is_a_chunk_as_openai_writes_it() -> None:
    content = Chunks(a_prompt(), include_usage=False).piece(Piece("", 0, (CALL,)), 4)

    assert data(content)[0]["choices"][0]["delta"] == {
        "tool_calls": [
            {
                "index": 0,
                "id": "call_1",
                "type": "function",
                "function": {"name": "weather", "arguments": CALL.arguments},
            }
        ]
    }


def test_the_last_chunk_tells_of_turns_that_the_model_was_not_shown() -> None:
    prompt = a_prompt()
    whole, shortened = (
        data(Chunks(prompt, include_usage=False).end(a_completed(prompt, truncated=each), 4))[0]
        for each in (None, Truncated(3))
    )

    assert "truncated" not in whole
    assert shortened["truncated"] == {"turns_dropped": 3}
