"""What a worker counts of a job: each step once, whoever else has a hand in it."""

from prometheus_client import generate_latest

from infra.telemetry.metrics import Metrics
from stream_workers.inference.counts import Counts
from tests.support.builders import a_prompt
from tests.support.scrape import samples


def shown(metrics: Metrics) -> dict[str, float]:
    return samples(generate_latest(metrics.registry).decode())


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
