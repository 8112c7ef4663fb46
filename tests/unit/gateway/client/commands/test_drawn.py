"""A job on a terminal: the timeline to scale, and nothing that a terminal would obey."""

from io import StringIO
from typing import Any

import pytest
from rich.bar import Bar

from gateway.client.commands.drawn import BAR_WIDTH, Span, bars, draw, spans
from gateway.client.commands.history import History, Row
from gateway.client.objects import Choice, Completion, Job, JobError, Message, Step, Timeline
from infra.screen import Screen

BEGAN_MS = 1_800_000_000_000.0


def a_timeline(status: str = "completed", **at_ms: float) -> Timeline:
    steps = tuple(Step(step=name, at_ms=BEGAN_MS + at, since_received_ms=at) for name, at in at_ms.items())
    return Timeline(job_id="job_1", status=status, steps=steps)


def a_job(text: str | None = None, **fields: Any) -> Job:
    result = None if text is None else Completion(choices=(Choice(message=Message(role="assistant", content=text)),))
    return Job(**{"id": "job_1", "status": "completed", "model": "smollm2", "result": result, **fields})


def shown(job: Job, events: tuple[Row, ...] | None = (), feedback: tuple[Row, ...] | None = ()) -> str:
    out = StringIO()
    timeline = a_timeline(job.status, received=0.0, claimed=40.0, finished=100.0)
    draw(History(job, timeline, events, feedback), Screen(file=out, width=100), BEGAN_MS + 500)
    return out.getvalue()


def test_a_bar_goes_from_the_step_before_to_its_own() -> None:
    found = spans(a_timeline(received=0.0, claimed=40.0, finished=100.0), 0.0, ended=True)

    assert found == [Span("received", 0.0, 0.0), Span("claimed", 0.0, 40.0), Span("finished", 40.0, 100.0)]


def test_the_last_bar_of_a_job_that_goes_on_ends_now() -> None:
    found = spans(a_timeline("running", received=0.0, claimed=40.0), BEGAN_MS + 500, ended=False)

    assert found[-1] == Span("running …", 40.0, 500.0)


def test_a_clock_that_is_behind_the_gateways_draws_nothing_backwards() -> None:
    found = spans(a_timeline("running", received=0.0, claimed=40.0), BEGAN_MS - 9_000, ended=False)

    assert all(each.begin_ms <= each.end_ms for each in found)


def test_bars_are_to_one_scale_and_none_is_invisible() -> None:
    table = bars([Span("a", 0.0, 0.0), Span("b", 0.0, 75.0), Span("c", 75.0, 100.0)])

    drawn = [each for each in table.columns[1].cells if isinstance(each, Bar)]
    assert [(each.size, each.begin, each.width) for each in drawn] == [
        (100.0, 0.0, BAR_WIDTH),
        (100.0, 0.0, BAR_WIDTH),
        (100.0, 75.0, BAR_WIDTH),
    ]
    assert all(each.end > each.begin for each in drawn)
    assert bars([]).row_count == 0


def test_attempts_deliveries_and_feedback_are_told_where_the_reports_do() -> None:
    events: tuple[Row, ...] = (
        {"at": 1.8e9, "type": "JobClaimed", "attempt": 1, "worker": "w1"},
        {"at": 1.8e9, "type": "RetryScheduled", "attempt": 1, "after_s": 2.0, "reason": "overloaded"},
        {"at": 1.8e9, "type": "DeliveryAttempted", "attempt": 3, "outcome": "retry", "status": 500, "url": "http://x/"},
    )
    said = shown(a_job("Blue."), events, ({"said_at": 1.8e9, "kind": "thumb", "value": "up"},))

    for word in ("w1", "again in 2.0 s: overloaded", "retry", "500", "http://x/", "thumb", "up", "Blue."):
        assert word in said


def test_where_no_report_tells_them_it_says_so() -> None:
    assert "do not tell them just now" in shown(a_job("Blue."), None, None)
    assert "do not tell" not in shown(a_job("Blue."))


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\x1b]0;owned\x07", "\r", "[red]x[/]", ":smile:"])
def test_hostile_text_is_shown_and_never_obeyed(hostile: str) -> None:
    job = a_job(
        f"a{hostile}b\nnext line",
        status="failed",
        error=JobError(message=hostile),
        metadata={hostile: hostile},
        model=hostile,
    )
    feedback = ({"said_at": 1.8e9, "kind": "comment", "value": hostile, "comment": hostile, "author": hostile},)
    said = shown(job, (), feedback)

    assert "\x1b" not in said
    assert "\r" not in said
    assert "\nnext line" in said
    if hostile.startswith(("[", ":")):
        assert f"a{hostile}b" in said
