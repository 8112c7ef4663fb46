"""What is said of a job whose ending fits into no record of the log fits into one, and says why it failed."""

from msgspec import structs

from producers.events import AnswerFailed, JobError, Tool
from producers.jobs.oversize import CODE, failed_instead
from producers.log import codec
from tests.support.builders import a_completed, a_prompt

A_RECORD_BYTES = 4 * 1024 * 1024


def test_a_job_that_failed_keeps_its_error_and_loses_a_prompt_that_is_too_large() -> None:
    large = structs.replace(
        a_prompt(), tools=(Tool("f", parameters={"type": "object", "title": "x" * A_RECORD_BYTES}),)
    )
    failed = AnswerFailed(job_id=large.job_id, prompt=large, error=JobError("It is too large.", code="too_large"))

    instead = failed_instead(failed)

    assert instead.error == failed.error
    assert len(codec.encode(instead)) < A_RECORD_BYTES
    assert instead.prompt.job_id == large.job_id


def test_an_answer_that_is_too_large_is_a_failure_that_says_so() -> None:
    prompt = a_prompt()
    instead = failed_instead(a_completed(prompt, "x" * A_RECORD_BYTES))

    assert (instead.error.code, instead.prompt) == (CODE, prompt)
