"""Dead letters: what they say of the record they were made of."""

import pytest

from producers.log.dead_letters import job_of

JOB, OTHER = "job_01mcc5rm00d1p2s87tabygc1qv", "job_01mcc5rm00pj5n0fka4kxgjqyf"


@pytest.mark.parametrize(
    ("key", "headers", "job_id"),
    [
        (JOB.encode(), None, JOB),
        (JOB.encode(), [("job_id", OTHER.encode())], OTHER),
        (b"conv_1", (("traceparent", b"00-1"), ("job_id", JOB.encode())), JOB),
        (JOB.encode(), [("job_id", b"DROP TABLE")], JOB),
        (JOB.encode(), [("job_id", None)], JOB),
        (b"conv_1", [], None),
        (b"\xff\xfe", [("job_id", b"\xff")], None),
        (None, None, None),
    ],
)
def test_the_job_of_a_record_is_what_its_header_or_its_key_names(
    key: bytes | None, headers: list[tuple[str, bytes]] | None, job_id: str | None
) -> None:
    assert job_of(key, headers) == job_id
