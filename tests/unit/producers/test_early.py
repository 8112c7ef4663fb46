"""The endings of jobs that never ran tell how long they waited."""

from dataclasses import replace

from producers.jobs import early
from producers.jobs.record import JobRecord
from tests.support.builders import a_prompt

WAITED = {"received": 1.0, "accepted": 2.0, "acknowledged": 3.0}


def test_each_has_the_times_of_its_waiting_of_its_first_claim_and_of_its_end_and_no_other() -> None:
    prompt = a_prompt(received_ms=1.0)
    times = {**WAITED, "started": 4.0, "claimed": 4.0}
    job = JobRecord(prompt.job_id, "queued", prompt, None, attempt=2, cancelling=False, times=times)

    assert early.cancelled(job, 9.0).timeline == {**WAITED, "started": 4.0, "finished": 9.0}
    assert early.expired(job, 9.0).timeline == {**WAITED, "started": 4.0, "finished": 9.0}
    assert early.unheard(prompt, "worker-1", 9.0).timeline == {"received": 1.0, "finished": 9.0}


def test_a_job_that_waits_for_another_attempt_has_run_and_ends_with_what_was_shown_of_it() -> None:
    prompt = a_prompt()
    job = JobRecord(prompt.job_id, "queued", prompt, None, attempt=2, cancelling=False, times=WAITED)

    cancelled, expired = early.cancelled(job, 9.0, "It sc"), early.expired(job, 9.0, "It sc")
    assert (cancelled.attempt, cancelled.ran, cancelled.text) == (2, True, "It sc")
    assert (expired.attempt, expired.text) == (2, "It sc")
    assert not early.cancelled(replace(job, attempt=0), 9.0).ran
