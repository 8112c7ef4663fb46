"""Whoever makes something under an Idempotency-Key says so again and again, whatever goes wrong with saying it."""

import logging
from typing import Any, Final

import pytest

from gateway.http.problems import Stopping
from gateway.middlewares import idempotency
from gateway.prompts import waiting
from infra.errors import Unavailable
from producers.idempotency.once import Begun, Once
from tests.support.eventually import eventually

SCRIPTS: Final[Any] = None
"""None are run."""


class Unsaid(Once):
    """Its first words get lost."""

    def __init__(self) -> None:
        super().__init__(SCRIPTS, silent_ms=3)
        self.troubles: list[Exception] = [Unavailable("redis"), RuntimeError("a script is wrong")]
        self.said = 0

    async def goes_on(self, begun: Begun) -> None:
        if self.troubles:
            raise self.troubles.pop(0)
        self.said += 1


async def test_a_word_that_gets_lost_is_said_again(caplog: pytest.LogCaptureFixture) -> None:
    once = Unsaid()
    with caplog.at_level(logging.ERROR):
        async with idempotency._told_of(once, Begun("a name", "once_1", "once_1")):
            await eventually(lambda: once.said >= 2, what="two words")

    assert [each.exc_info is not None for each in caplog.records] == [True]


@pytest.mark.parametrize(("may_repeat", "told"), [(True, "true"), (False, "false")])
def test_a_gateway_that_stops_says_whether_to_ask_another_one(may_repeat: bool, told: str) -> None:
    problem = waiting.stopping(Stopping(), "job_1", may_repeat=may_repeat)

    assert (problem.status, problem.error.code) == (503, "gateway_stopping")
    assert problem.headers == {"Retry-After": "1", "x-job-id": "job_1", "x-should-retry": told}
