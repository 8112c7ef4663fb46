"""What a worker counts of a job: each step once, whoever else has a hand in it."""

import pytest
from prometheus_client import generate_latest

from infra.telemetry.metrics import Metrics
from producers.events import Terminal
from producers.jobs.settling import Settled
from stream_workers.inference.counts import Counts
from tests.support.builders import a_cancelled, a_completed, a_failed, a_prompt
from tests.support.scrape import samples


def shown(metrics: Metrics) -> dict[str, float]:
    return samples(generate_latest(metrics.registry).decode())


@pytest.mark.parametrize(
    ("ending", "state"),
    [(a_completed(a_prompt()), "completed"), (a_failed(a_prompt()), "failed"), (a_cancelled(a_prompt()), "aborted")],
)
def test_an_ending_counts_when_it_became_visible_though_the_view_was_faster(ending: Terminal, state: str) -> None:
    metrics = Metrics()
    verdicts: tuple[Settled, ...] = ("settled", "again", "duplicate", "late")

    for each in verdicts:
        Counts(metrics).ended(ending, each)

    assert shown(metrics)[f'headrace_jobs_total{{state="{state}"}}'] == 2
    assert shown(metrics)["headrace_late_prompts_total"] == 1


def test_only_the_first_claim_ends_the_wait_and_no_clock_can_make_it_negative() -> None:
    metrics, prompt = Metrics(), a_prompt(lane="batch", received_ms=1_000.0)
    counts = Counts(metrics)

    counts.claimed(prompt, 1, {"accepted": 1_500.0, "claimed": 4_000.0})
    counts.claimed(prompt, 2, {"accepted": 1_500.0, "claimed": 99_000.0})
    counts.claimed(prompt, 1, {"claimed": 900.0})

    found = shown(metrics)
    assert found['headrace_jobs_total{state="running"}'] == 2
    assert found['headrace_queue_wait_seconds_count{lane="batch"}'] == 2
    assert found['headrace_queue_wait_seconds_sum{lane="batch"}'] == 2.5
