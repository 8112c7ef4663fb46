"""The audit's rules: what keeps every promise passes, and each kind of broken promise is found and named."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from producers.auditing.ledger import Ledger, Span, digest_of
from producers.auditing.rules import OVERDUE_MS, judge
from producers.auditing.statements import DeliveryShown, JobShown, RowShown
from producers.auditing.verdict import KINDS, Kind, Verdict
from producers.events import (
    AnswerExpired,
    BatchEnded,
    DeliveryAttempted,
    JobClaimed,
    PromptSubmitted,
    RetryScheduled,
    Terminal,
    Webhook,
    status_of,
)
from producers.log.places import Place
from producers.log.topics import ANSWERS
from producers.state.retention import Retention
from producers.webhook_ids import id_of, type_of
from tests.support.builders import a_cancelled, a_completed, a_failed, a_prompt

NOW_MS = 1_800_000_000_000.0
URL = "https://hooks.example.com/"


@dataclass
class Town:
    """A log and all who show it, as they should; a test spoils one of them."""

    ledger: Ledger
    offset: int = 100
    last: Place = field(default_factory=lambda: Place("answers", 3, 0))

    def accepted(self, **fields: Any) -> PromptSubmitted:
        prompt = a_prompt(received_ms=NOW_MS - 5_000, **fields)
        self.log(prompt, "prompts.standard")
        return prompt

    def log(self, event: Any, topic: str = "answers") -> Place:
        self.offset += 1
        self.last = Place(topic, 3, self.offset)
        self.ledger.hear(event, self.last, NOW_MS)
        return self.last

    def ends(self, ending: Terminal) -> Terminal:
        """In the log, and shown by all."""
        place = self.log(ending)
        self.show(ending, place)
        self.count(ending, place)
        if ending.prompt.webhook:
            self.tell(ending)
        return ending

    def show(self, ending: Terminal, place: Place) -> None:
        where = place.partition, place.offset
        self.ledger.believe([JobShown(ending.job_id, status_of(ending), *where, digest_of(ending))])

    def count(self, ending: Terminal, place: Place, tokens: int | None = None) -> None:
        counted = (ending.usage.completion_tokens if ending.usage else 0) if tokens is None else tokens
        self.ledger.believe([RowShown(ending.job_id, place.partition, place.offset, status_of(ending), counted)])

    def tell(self, ending: Terminal, outcome: Any = "delivered") -> None:
        told = DeliveryAttempted(
            job_id=ending.job_id, tenant="acme", webhook_id=webhook_of(ending), url=URL, attempt=1, status=200,
            outcome=outcome,
        )  # fmt: skip
        self.log(told, "job.events")

    def claimed(self, prompt: PromptSubmitted, attempt: int) -> None:
        claim = JobClaimed(
            job_id=prompt.job_id, tenant="acme", lane="standard", attempt=attempt, worker="worker-1", at_ms=NOW_MS
        )
        self.log(claim, "job.events")

    def stands(self, prompt: PromptSubmitted, state: str) -> None:
        self.ledger.believe([JobShown(prompt.job_id, state)])

    def verdict(self) -> Verdict:
        return judge(self.ledger, NOW_MS)


@pytest.fixture
def town() -> Iterator[Town]:
    with Ledger() as ledger:
        yield Town(ledger)


def webhook_of(ending: Terminal) -> str:
    return id_of(ending.job_id, URL, type_of(ending))


def broken(verdict: Verdict) -> list[tuple[Kind, str, str]]:
    return [(each.kind, each.job_id, each.what) for each in verdict.offenders]


def test_a_log_that_all_show_as_it_is_keeps_every_promise(town: Town) -> None:
    town.ends(a_completed(town.accepted(webhook=Webhook(URL))))
    town.ends(a_failed(town.accepted()))
    town.ends(a_cancelled(town.accepted(), ran=True))
    town.ends(a_cancelled(town.accepted()))
    expired = town.accepted(deadline_ms=NOW_MS - 1)
    town.ends(AnswerExpired(job_id=expired.job_id, prompt=expired))
    town.ends(a_completed(a_prompt(received_ms=NOW_MS), cache="hit"))  # no prompt of a cached answer is sent
    for state in ("accepting", "queued", "running", "finishing"):
        town.stands(town.accepted(), state)
    verdict = town.verdict()

    assert verdict.kept
    assert verdict.accepted == 10
    assert verdict.ended == {"completed": 2, "failed": 1, "cancelled": 1, "aborted": 1, "expired": 1}
    assert verdict.in_flight == {"accepting": 1, "queued": 1, "running": 1, "finishing": 1}
    assert verdict.redis == verdict.clickhouse == {"agree": 6}
    assert verdict.webhooks == {"delivered": 1}


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda town, job: town.ledger.believe([JobShown(job, "")]), "Redis knows nothing of it"),
        (lambda town, job: town.ledger.believe([JobShown(job, "completed", 3, 7, b"d")]),
         "it is shown as completed by answers:3:7, where no ending of it stands"),
        (lambda town, job: town.ledger.stands("worker", "prompts.standard", 3, town.last.offset + 1),
         "its prompt was acknowledged, and no ending written"),
    ],
)  # fmt: skip
def test_a_job_that_nobody_will_end_is_lost(town: Town, spoil: Any, what: str) -> None:
    prompt = town.accepted()
    town.stands(prompt, "queued")
    spoil(town, prompt.job_id)
    verdict = town.verdict()

    assert broken(verdict) == [("lost", prompt.job_id, what)]
    assert verdict.accepted == verdict.violations["lost"] == 1


def test_a_job_whose_deadline_is_long_over_is_lost_and_one_whose_deadline_was_just_now_is_not(town: Town) -> None:
    late, just = (town.accepted(deadline_ms=NOW_MS - OVERDUE_MS - by_ms) for by_ms in (1_000, -1_000))
    town.stands(late, "running")
    town.stands(just, "running")

    assert broken(town.verdict()) == [("lost", late.job_id, "its deadline has passed 61 s ago, and it is running")]


def test_what_ended_or_came_after_the_log_was_read_is_not_lost(town: Town) -> None:
    ended, unread, queued = (town.accepted() for _ in range(3))
    town.ledger.read("answers", 3, 0, 200)
    town.ledger.believe([JobShown(ended.job_id, "completed", 3, 200, b"d"), JobShown(unread.job_id, "")])
    town.stands(queued, "queued")
    town.ledger.stands("worker", "prompts.standard", 3, 102)
    town.ledger.stands("fanout", "prompts.standard", 3, 102)

    verdict = town.verdict()
    assert verdict.kept
    assert verdict.in_flight == {"ended since": 1, "not read yet": 1, "queued": 1}


def test_a_job_whose_end_is_gone_from_the_log_is_not_lost(town: Town) -> None:
    ended, lost, forgotten = town.accepted(), town.accepted(), a_prompt(received_ms=NOW_MS - 5_000)
    town.ledger.hear(forgotten, Place("prompts.batch", 0, 7), NOW_MS - 1)
    town.ledger.read("answers", 3, 50, 200)
    for partition in range(ANSWERS.partitions):
        town.ledger.begins("answers", partition, NOW_MS)
    town.ledger.believe([JobShown(ended.job_id, "completed", 3, 49, b"d")])
    town.stands(lost, "")
    town.stands(forgotten, "")
    verdict = town.verdict()

    assert verdict.gone == 2
    assert broken(verdict) == [("lost", lost.job_id, "Redis knows nothing of it")]
    assert verdict.accepted == 1


def test_the_second_of_two_endings_is_doubled_where_somebody_shows_it(town: Town) -> None:
    first = a_completed(town.accepted())
    second = a_failed(first.prompt)
    town.log(first)
    at = town.log(second)
    town.show(second, at)
    town.count(second, at)

    assert broken(town.verdict()) == [
        ("doubled", first.job_id, "Redis shows a later ending than the first"),
        ("doubled", first.job_id, "ClickHouse counts a later ending than the first"),
    ]


def test_two_endings_of_which_all_show_the_first_are_overruled_and_the_same_again_is_said_again(town: Town) -> None:
    first = town.ends(a_completed(town.accepted()))
    town.log(a_failed(first.prompt))
    town.log(first)
    verdict = town.verdict()

    assert verdict.kept
    assert (verdict.accepted, verdict.overruled, verdict.said_again) == (1, 1, 1)


def test_a_row_too_many_is_doubled(town: Town) -> None:
    ending = town.ends(a_completed(town.accepted()))
    town.count(ending, town.log(ending))

    assert broken(town.verdict()) == [("doubled", ending.job_id, "ClickHouse counts it 2 times")]


def test_an_end_that_was_told_under_two_ids_is_doubled(town: Town) -> None:
    first = town.ends(a_completed(town.accepted(webhook=Webhook(URL))))
    second = a_failed(first.prompt)
    town.tell(second)

    (found,) = town.verdict().offenders
    assert (found.kind, found.what) == (
        "doubled", f"its end was told under {webhook_of(second)}, which is not the first ending's"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("shown", "what"),
    [
        (JobShown("", ""), "Redis knows nothing of it; the log says completed"),
        (JobShown("", "running"), "Redis says running, the log completed"),
        (JobShown("", "completed", 3, 7, b"another"), "Redis shows another completed ending than the log"),
    ],
)
def test_a_job_that_redis_shows_otherwise_is_found(town: Town, shown: JobShown, what: str) -> None:
    ending = town.ends(a_completed(town.accepted()))
    town.ledger.believe([JobShown(ending.job_id, shown.state, shown.partition, shown.offset, shown.digest)])

    assert broken(town.verdict()) == [("redis", ending.job_id, what)]


def test_what_redis_may_have_forgotten_is_no_fault(town: Town) -> None:
    deleted = a_completed(town.accepted())
    town.count(deleted, town.log(deleted))
    town.ledger.believe([JobShown(deleted.job_id, "completed", forgotten=True)])
    old = a_completed(town.accepted())
    town.offset += 1
    town.last = Place("answers", 3, town.offset)
    town.ledger.hear(old, town.last, NOW_MS - Retention().job_ms - 1)
    town.count(old, town.last)
    town.stands(old.prompt, "")
    verdict = town.verdict()

    assert broken(verdict) == []
    assert verdict.redis == {"agree": 1, "expired": 1}


def test_a_row_that_is_missing_differs_or_was_never_said_is_found(town: Town) -> None:
    missing, differs, never = (a_completed(town.accepted()) for _ in range(3))
    for each in (missing, differs):
        town.show(each, town.log(each))
    town.count(differs, town.last, tokens=4)
    town.stands(never.prompt, "queued")
    town.count(never, town.last)

    assert sorted(broken(town.verdict())) == sorted([
        ("clickhouse", missing.job_id, "ClickHouse has no row of it; the log says completed"),
        ("clickhouse", differs.job_id, "ClickHouse says completed of 4 tokens, the log completed of 3"),
        ("clickhouse", never.job_id, "ClickHouse counts a job that has no ending in the log"),
    ])  # fmt: skip


def test_what_a_reader_has_not_read_yet_is_no_fault(town: Town) -> None:
    ending = a_completed(town.accepted(webhook=Webhook(URL)))
    place = town.log(ending)
    for reader in ("fanout", "ingest", "deliver"):
        town.ledger.stands(reader, "answers", 3, place.offset)
    town.stands(ending.prompt, "running")
    town.ledger.believe([DeliveryShown(webhook_of(ending), "")])
    verdict = town.verdict()

    assert verdict.kept
    assert verdict.redis == verdict.clickhouse == verdict.webhooks == {"not read yet": 1}


@pytest.mark.parametrize(
    ("outcome", "state", "fate"),
    [("delivered", None, "delivered"), ("exhausted", None, "exhausted"), ("refused", None, "refused"),
     ("retry", "retry", "pending"), ("retry", "delivered", "delivered"), (None, "pending", "pending")],
)  # fmt: skip
def test_a_webhook_that_came_or_will_come_or_visibly_gave_up_keeps_the_promise(
    town: Town, outcome: Any, state: str | None, fate: str
) -> None:
    ending = a_completed(town.accepted(webhook=Webhook(URL)))
    place = town.log(ending)
    town.show(ending, place)
    town.count(ending, place)
    if outcome:
        town.tell(ending, outcome)
    if state:
        town.ledger.believe([DeliveryShown(webhook_of(ending), state)])
    verdict = town.verdict()

    assert verdict.kept
    assert verdict.webhooks == {fate: 1}


@pytest.mark.parametrize("tried", [0, 1])
def test_a_webhook_that_nobody_will_send_is_found(town: Town, tried: int) -> None:
    ending = a_completed(town.accepted(webhook=Webhook(URL)))
    place = town.log(ending)
    town.show(ending, place)
    town.count(ending, place)
    if tried:
        town.tell(ending, "retry")
    town.ledger.believe([DeliveryShown(webhook_of(ending), "")])

    what = f"{webhook_of(ending)} was tried {tried} times, and is planned no more"
    assert broken(town.verdict()) == [("webhooks", ending.job_id, what)]


def test_the_end_of_a_batch_is_told_as_that_of_a_job_is(town: Town) -> None:
    told, untold = (BatchEnded(batch_id=f"batch_{n}", tenant="acme", status="completed", webhook=Webhook(URL))
                    for n in range(2))  # fmt: skip
    silent = BatchEnded(batch_id="batch_2", tenant="acme", status="failed")
    for each in (told, untold, silent):
        town.log(each, "batches")
    ids = [id_of(each.batch_id, URL, type_of(each)) for each in (told, untold)]
    town.ledger.believe([DeliveryShown(ids[0], "pending"), DeliveryShown(ids[1], "")])

    assert broken(town.verdict()) == [("webhooks", "batch_1", f"{ids[1]} was tried 0 times, and is planned no more")]
    assert town.verdict().webhooks == {"pending": 1}


def test_what_was_not_asked_about_is_not_said(town: Town) -> None:
    ending = a_completed(town.accepted())
    town.log(ending)
    verdict = judge(town.ledger, NOW_MS, asked=frozenset[Kind]({"lost", "doubled"}))

    assert verdict.kept
    assert verdict.redis == verdict.clickhouse == verdict.webhooks == {}


def test_claims_after_the_first_that_follow_on_no_failed_try_are_extra_executions(town: Town) -> None:
    once, twice, unheard = (town.accepted() for _ in range(3))
    town.claimed(once, 1)
    for attempt in (1, 2, 2):
        town.claimed(twice, attempt)
    town.ends(a_completed(once))
    town.ends(a_completed(twice, attempt=2))
    town.ends(a_completed(unheard, attempt=3))  # a worker that is killed says nothing of its claim
    retried = RetryScheduled(
        job_id=twice.job_id, tenant="acme", attempt=1, tries=1, reason="429", after_s=1.0, at_ms=NOW_MS
    )
    town.log(retried, "job.events")
    found = town.verdict().executions

    assert (found.jobs, found.claims, found.extra, found.tries) == (3, 6, 2, 1)
    assert found.extra_share == 2 / 3


def test_only_jobs_of_the_span_count(town: Town) -> None:
    with Ledger(Span(NOW_MS - 10_000, NOW_MS)) as ledger:
        narrow = Town(ledger)
        narrow.stands(narrow.accepted(), "queued")
        for received_ms in (NOW_MS - 10_001, NOW_MS):
            outside = a_prompt(received_ms=received_ms)
            narrow.log(outside, "prompts.standard")
            narrow.log(a_completed(outside))

        assert narrow.verdict().accepted == 1


def test_a_prompt_that_stands_twice_is_one_job(town: Town) -> None:
    prompt = town.accepted()
    town.log(prompt, "prompts.standard")
    town.ends(a_completed(prompt))
    verdict = town.verdict()

    assert (verdict.accepted, verdict.prompts_again) == (1, 1)


def test_only_the_first_offenders_are_named_and_all_are_counted(town: Town) -> None:
    for _ in range(5):
        town.ledger.believe([JobShown(town.accepted().job_id, "")])
    verdict = judge(town.ledger, NOW_MS, most_shown=2)

    assert verdict.violations == dict.fromkeys(KINDS, 0) | {"lost": 5}
    assert len(verdict.offenders) == 2


def test_a_verdict_may_be_asked_for_again_once_more_was_heard(town: Town) -> None:
    prompt = town.accepted()
    town.stands(prompt, "running")
    before = town.verdict()
    town.ends(a_completed(prompt))

    assert (before.in_flight, town.verdict().in_flight) == ({"running": 1}, {})
