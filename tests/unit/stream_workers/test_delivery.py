"""What follows from an attempt to deliver a webhook."""

from email.utils import formatdate

import pytest

from producers.settings import WebhookSettings
from stream_workers.webhooks.delivery import (
    Abandoned,
    Delivered,
    NotAllowed,
    Replied,
    Retry,
    Unreached,
    judge,
    retry_after_s,
)

DELAYS_S = WebhookSettings().delays_s
NOW_MS = 1_800_000_000_000.0


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_only_two_hundreds_are_success(status: int) -> None:
    assert judge(1, Replied(status), DELAYS_S, NOW_MS, 0.0) == Delivered()


@pytest.mark.parametrize("status", [100, 199, 301, 302, 307, 400, 401, 404, 429, 500, 503])
def test_every_other_answer_is_tried_again(status: int) -> None:
    verdict = judge(1, Replied(status), DELAYS_S, NOW_MS, 0.0)

    assert isinstance(verdict, Retry)
    assert verdict.at_ms == NOW_MS + 5_000


def test_gone_is_for_good() -> None:
    verdict = judge(1, Replied(410), DELAYS_S, NOW_MS, 0.0)

    assert isinstance(verdict, Abandoned)
    assert verdict.why == "refused"


def test_a_forbidden_address_is_not_tried_again() -> None:
    assert judge(1, NotAllowed("inside"), DELAYS_S, NOW_MS, 0.0) == Abandoned("refused", "inside")


def test_the_schedule_is_followed_to_its_end_and_jitter_only_delays() -> None:
    waits_s = []
    for attempt in range(1, len(DELAYS_S)):
        verdict = judge(attempt, Unreached("no answer"), DELAYS_S, NOW_MS, 0.5)
        assert isinstance(verdict, Retry)
        waits_s.append((verdict.at_ms - NOW_MS) / 1000)

    assert waits_s == [pytest.approx(each * 1.05) for each in DELAYS_S[1:]]
    assert judge(len(DELAYS_S), Unreached("no answer"), DELAYS_S, NOW_MS, 0.5) == Abandoned("exhausted", "no answer")


def test_a_receiver_may_ask_for_more_time_but_not_for_less_nor_for_ever() -> None:
    def wait_s(after_s: float) -> float:
        verdict = judge(1, Replied(429, after_s), DELAYS_S, NOW_MS, 0.0)
        assert isinstance(verdict, Retry)
        return (verdict.at_ms - NOW_MS) / 1000

    assert (wait_s(120.0), wait_s(1.0), wait_s(1e9)) == (120.0, 5.0, 86_400.0)


def test_retry_after_is_seconds_or_a_date() -> None:
    assert retry_after_s("120", NOW_MS) == 120.0
    assert retry_after_s(formatdate(NOW_MS / 1000 + 60, usegmt=True), NOW_MS) == pytest.approx(60.0)
    assert retry_after_s(formatdate(NOW_MS / 1000 - 60, usegmt=True), NOW_MS) == 0.0
    assert [retry_after_s(each, NOW_MS) for each in (None, "", "soon", "-5", "1.5")] == [None] * 5


@pytest.mark.parametrize(
    "header",
    [
        "Mon, 01 Jan 2020 00:00:00 +99999999999999999999",
        "Mon, 01 Jan 2020 00:00:00 +9999",
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 -0000",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "9" * 5000,
        " ",
        ", , :",
    ],
)
def test_no_retry_after_of_a_lying_receiver_breaks_anything(header: str) -> None:
    after_s = retry_after_s(header, NOW_MS)

    assert after_s is None or after_s >= 0.0
