"""What readers are told of a job, by kind of stream, where its stream is not what they have seen of it."""

import json

import pytest

from gateway.chat.stream import ChatTale
from gateway.http import problems
from gateway.jobs.events import JobTale
from gateway.readers.tale import Broken
from infra.sse import Parser, ServerSentEvent
from producers.jobs.live import Entry
from producers.jobs.record import JobRecord
from producers.prompts.reading import Wish
from producers.state.retention import Retention
from tests.support.builders import a_failed, a_prompt

RUNNING = Entry(1, "status", '{"status":"running"}')
AGAIN = (Entry(2, "token", "Per"), Entry(3, "snapshot", ""), Entry(4, "token", "Because."))


def events(told: bytes) -> list[ServerSentEvent]:
    return list(Parser().feed(told))


def a_job(seq: int) -> JobRecord:
    prompt = a_prompt()
    return JobRecord(prompt.job_id, "running", prompt, None, attempt=1, cancelling=False, times={}, seq=seq)


def test_who_has_nothing_of_an_answer_need_not_hear_that_it_was_started_over() -> None:
    tale = ChatTale(a_prompt(), Wish(stream=True))

    told = events(tale.begin((RUNNING,)) + tale.more(AGAIN))
    assert [json.loads(each.data)["choices"][0]["delta"]["content"] for each in told] == ["Because."]


def test_who_has_a_part_of_an_answer_that_came_out_differently_is_told_so() -> None:
    tale = ChatTale(a_prompt(), Wish(stream=True))
    tale.more(AGAIN[:1])

    with pytest.raises(Broken) as broken:
        tale.more(AGAIN[1:])
    assert problems.of(broken.value.instead).error.code == "stream_diverged"


async def test_an_answer_that_failed_with_nothing_to_tell_is_told_in_place_of_the_stream() -> None:
    tale, failed = ChatTale(a_prompt(), Wish(stream=True)), a_failed(a_prompt())
    job = JobRecord(failed.job_id, "failed", failed.prompt, failed, attempt=1, cancelling=False, times={}, seq=2)

    with pytest.raises(Broken) as broken:
        await tale.whole(job, (RUNNING,))
    assert (broken.value.told, broken.value.seq) == (b"", 2)


@pytest.mark.parametrize("after", [2, None, 99])
def test_a_reader_whose_place_is_not_in_what_is_kept_of_a_job_gets_all_text_at_once(after: int | None) -> None:
    kept = tuple(Entry(each.seq + 10, each.kind, each.value) for each in AGAIN)
    tale = JobTale(a_job(14), after, Retention())

    told = events(tale.begin(kept) + tale.more((Entry(15, "token", " So."),)))
    assert [(each.event, each.id, json.loads(each.data)) for each in told] == [
        ("snapshot", "14", {"text": "Because."}), ("token", "15", {"text": " So."})
    ]  # fmt: skip


def test_a_reader_whose_place_is_kept_gets_what_follows_it() -> None:
    told = events(JobTale(a_job(4), 3, Retention()).begin((RUNNING, *AGAIN)))

    assert [(each.event, each.id) for each in told] == [("token", "4")]
