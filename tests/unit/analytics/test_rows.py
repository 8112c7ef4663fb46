"""Events to rows."""

import msgspec
import pytest

from analytics.ingest.tables import sources
from analytics.rows import TimedPlace, answer_row, feedback_row, job_event_row
from infra.errors import InvalidEvent
from producers.events import (
    AnswerExpired,
    DeliveryAttempted,
    FeedbackGiven,
    FeedbackKind,
    JobClaimed,
    RetryScheduled,
    Usage,
    Webhook,
)
from producers.log import codec
from producers.log.topics import ANSWERS
from tests.support.builders import a_cancelled, a_completed, a_failed, a_prompt

ORIGIN = TimedPlace("answers", 3, 41, 1_800_000_000_500.0)
TIMES = {"received": 1000.0, "claimed": 1250.5, "first_token": 1300.0, "finished": 2000.75}


def test_an_answer_says_who_asked_what_came_and_how_long_each_step_took() -> None:
    prompt = a_prompt("Why?", tenant="acme", lane="batch", received_ms=1000.0, webhook=Webhook("https://x.example"))

    row = answer_row(a_completed(prompt, "So.", timeline=TIMES), ORIGIN, store_text=True)

    assert (row.topic, row.partition, row.offset) == ("answers", 3, 41)
    assert (row.job_id, row.tenant, row.lane, row.status) == (prompt.job_id, "acme", "batch", "completed")
    assert (row.prompt_tokens, row.completion_tokens, row.cache, row.finish_reason) == (7, 3, "miss", "stop")
    assert (row.received_at, row.finished_at) == (1000, 2000)
    assert (row.queue_wait_ms, row.first_token_ms, row.model_ms, row.total_ms) == (250.5, 300.0, 750.25, 1000.75)
    assert row.has_webhook
    assert msgspec.json.decode(row.prompt) == [{"role": "user", "content": "Why?"}]
    assert row.answer == "So."


def test_the_switch_leaves_text_out_and_the_rest_in() -> None:
    prompt = a_prompt("a secret")
    comment = FeedbackGiven(
        feedback_id="fb_1",
        job_id="job_1",
        tenant="acme",
        key_id="k",
        kind="correction",
        value="a secret",
        comment="a secret",
    )

    row = answer_row(a_completed(prompt, "a secret"), ORIGIN, store_text=False)
    judged = feedback_row(comment, ORIGIN, store_text=False)

    assert "a secret" not in repr(row) + repr(judged)
    assert row.completion_tokens == 3


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        (a_failed(a_prompt()), "failed"),
        (a_cancelled(a_prompt(), ran=False), "aborted"),
        (a_cancelled(a_prompt(), ran=True), "cancelled"),
        (AnswerExpired(job_id="job_1", prompt=a_prompt()), "expired"),
    ],
)
def test_an_end_without_times_is_dated_by_the_broker(ending: AnswerExpired, status: str) -> None:
    row = answer_row(ending, ORIGIN, store_text=True)

    assert row.status == status
    assert row.finished_at == 1_800_000_000_500
    assert (row.queue_wait_ms, row.total_ms) == (None, None)


def test_numbers_out_of_range_are_cut_to_what_the_columns_hold() -> None:
    prompt = a_prompt(received_ms=-1e300)
    times = {"received": 1e300, "finished": -5.0, "claimed": 0.0}
    ending = a_completed(prompt, attempt=-7, usage=Usage(2**70, -1), timeline=times)

    row = answer_row(ending, ORIGIN, store_text=True)

    assert (row.received_at, row.finished_at, row.attempt) == (0, 0, 0)
    assert (row.prompt_tokens, row.completion_tokens) == (2**32 - 1, 0)
    assert row.total_ms == 0.0


def test_job_events_share_a_table_and_fill_what_they_tell() -> None:
    common = {"job_id": "job_1", "tenant": "acme", "at_ms": 5.0}
    claimed = JobClaimed(lane="batch", attempt=2, worker="w1", **common)  # type: ignore[arg-type]
    retry = RetryScheduled(attempt=2, tries=3, reason="busy", after_s=0.5, **common)  # type: ignore[arg-type]
    delivery = DeliveryAttempted(
        webhook_id="msg_1",
        url="https://x",
        attempt=4,
        status=None,
        outcome="retry",
        next_attempt_ms=9.0,
        **common,  # type: ignore[arg-type]
    )

    rows = [job_event_row(each, ORIGIN) for each in (claimed, retry, delivery)]

    assert [row.type for row in rows] == ["JobClaimed", "RetryScheduled", "DeliveryAttempted"]
    assert (rows[0].worker, rows[0].lane, rows[0].attempt) == ("w1", "batch", 2)
    assert (rows[1].tries, rows[1].reason, rows[1].after_s) == (3, "busy", 0.5)
    assert (rows[2].webhook_id, rows[2].status, rows[2].outcome, rows[2].next_attempt_at) == ("msg_1", 0, "retry", 9)


@pytest.mark.parametrize(("value", "score"), [("up", 1.0), ("down", 0.0), (0.25, 0.25), ("any words", None)])
def test_thumbs_and_scores_can_be_averaged(value: str | float, score: float | None) -> None:
    kind: FeedbackKind = "thumb" if isinstance(value, str) else "score"
    given = FeedbackGiven(feedback_id="fb_1", job_id="job_1", tenant="t", key_id="k", kind=kind, value=value)

    assert feedback_row(given, ORIGIN, store_text=True).score == score


@pytest.mark.parametrize("value", [None, b"", b"{}", b"\xff\xfe", b'{"type":"JobClaimed"}', b"[" * 100_000])
def test_what_is_no_event_of_the_topic_is_refused(value: bytes | None) -> None:
    (answers,) = [each for each in sources(store_text=True) if each.topic is ANSWERS]

    with pytest.raises(InvalidEvent):
        answers.read(value, ORIGIN)


def test_every_golden_answer_becomes_a_row() -> None:
    (answers,) = [each for each in sources(store_text=True) if each.topic is ANSWERS]

    row = answers.read(codec.encode(a_completed(a_prompt())), ORIGIN)

    assert len(row) == len(answers.table.columns)
