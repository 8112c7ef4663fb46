"""How a key stands, in both dialects, and what is said when a limit is reached."""

from typing import Any

import pytest

from gateway.access import limits
from producers.events import KeyIssued, Limits
from producers.jobs.intake import OverQuota
from producers.limits.standing import Limit, Standing, Stands

KEY = Standing(requests_per_minute=600, jobs_in_flight=20, request_level=599.0, in_flight=3)
NO_TENANT = Standing()
AT_MS = 1_800_000_000_000.0
"""Eight in the morning, by UTC."""


def test_limits_are_told_in_both_dialects() -> None:
    assert limits.headers(limits.WRITES, Stands(KEY, NO_TENANT)) == {
        "x-ratelimit-limit-requests": "600",
        "x-ratelimit-remaining-requests": "599",
        "x-ratelimit-reset-requests": "1s",
        "RateLimit-Policy": '"permin";q=600;w=60, "jobs";q=20;qu="concurrent-requests"',
        "RateLimit": '"permin";r=599;t=1, "jobs";r=17',
    }
    assert limits.headers(limits.WRITES, None) == {}
    assert limits.headers(limits.WRITES, Stands(NO_TENANT, NO_TENANT)) == {}


def test_of_key_and_tenant_openais_headers_tell_who_has_less_left_and_the_ietfs_tell_both() -> None:
    key = Standing(requests_per_minute=600, request_level=500.0, tokens_per_minute=1000, token_level=250.5)
    tenant = Standing(requests_per_minute=900, request_level=30.0, queued_jobs=5, waiting=6, tokens_per_minute=9000,
                      token_level=9000.0)  # fmt: skip

    assert limits.headers(limits.WRITES, Stands(key, tenant)) == {
        "x-ratelimit-limit-requests": "900",
        "x-ratelimit-remaining-requests": "30",
        "x-ratelimit-reset-requests": "58s",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "250",
        "x-ratelimit-reset-tokens": "45s",
        "RateLimit-Policy": '"permin";q=600;w=60, "tenant-permin";q=900;w=60, '
        '"tenant-queued";q=5;qu="concurrent-requests"',
        "RateLimit": '"permin";r=500;t=10, "tenant-permin";r=30;t=58, "tenant-queued";r=0',
    }


def test_with_nothing_left_a_client_is_told_when_there_will_be_one_again() -> None:
    headers = limits.headers(limits.WRITES, Stands(Standing(requests_per_minute=600, request_level=0.1), NO_TENANT))

    assert headers["RateLimit"] == '"permin";r=0;t=1'
    assert headers["x-ratelimit-reset-requests"] == "1m0s"


def test_a_debt_of_tokens_reads_as_none_left() -> None:
    headers = limits.headers(limits.WRITES, Stands(Standing(tokens_per_minute=60, token_level=-30.0), NO_TENANT))

    assert headers["x-ratelimit-remaining-tokens"] == "0"
    assert headers["x-ratelimit-reset-tokens"] == "1m30s"


@pytest.mark.parametrize(
    ("by", "it", "code", "after", "retry"),
    [
        ("requests", Standing(requests_per_minute=6, request_level=0.5), "rate_limit_exceeded", "5", None),
        ("jobs", Standing(jobs_in_flight=2, in_flight=2), "rate_limit_exceeded", "1", None),
        ("queued", Standing(queued_jobs=2, waiting=2), "rate_limit_exceeded", "1", None),
        ("tokens", Standing(tokens_per_minute=120, token_level=40.0), "rate_limit_exceeded", "30", None),
        ("tokens", Standing(tokens_per_minute=90, token_level=90.0), "rate_limit_exceeded", "1", "false"),
        ("tokens", Standing(tokens_per_minute=90, token_level=-45.0), "rate_limit_exceeded", "90", "false"),
        ("day", Standing(tokens_per_day=1000, spent=950), "insufficient_quota", "57600", "false"),
    ],
)
@pytest.mark.parametrize("whose", ["key", "tenant"])
def test_a_limit_that_is_reached_says_which_whose_and_when_to_come_back(
    by: Limit, it: Standing, code: str, after: str | None, retry: str | None, whose: Any
) -> None:
    stands = Stands(it, NO_TENANT) if whose == "key" else Stands(NO_TENANT, it)
    problem = limits.too_much(OverQuota(by, whose, stands, tokens=100), limits.WRITES, AT_MS)
    headers = problem.response(AT_MS).headers

    assert (problem.status, problem.error.type, problem.error.code) == (429, "rate_limit_error", code)
    assert (headers.get("Retry-After"), headers.get("x-should-retry")) == (after, retry)
    assert problem.error.message.startswith("This key" if whose == "key" else "Your tenant")


def test_what_no_wait_lets_in_is_told_in_words_that_are_true_of_a_prompt_and_of_texts() -> None:
    limit = OverQuota("tokens", "key", Stands(Standing(tokens_per_minute=90, token_level=90.0), NO_TENANT), tokens=100)
    message = limits.too_much(limit, limits.WRITES, AT_MS).error.message

    assert message.endswith("this request may take 100. Send less text, or ask for a shorter answer.")


def test_reads_are_counted_elsewhere_and_ten_times_as_many() -> None:
    key = KeyIssued(id="key_1", tenant="acme", name="", prefix="", sha256="", webhook_secret_encrypted="",
                    requests_per_minute=6, jobs_in_flight=None)  # fmt: skip

    assert limits.buckets(key, limits.WRITES) == ("key_1", "tenant/acme")
    assert limits.buckets(key, limits.READS) == ("key_1:reads", "tenant/acme:reads")
    assert limits.scaled(key.limits, limits.READS) == Limits(requests_per_minute=60)
    assert limits.scaled(Limits(), limits.READS) == Limits()


def test_periods_are_written_as_openai_writes_them() -> None:
    found = [limits.period(each) for each in (0, 1, 60, 360, 3600, 3661)]

    assert found == ["0s", "1s", "1m0s", "6m0s", "1h0m0s", "1h1m1s"]
