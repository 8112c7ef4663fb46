"""What is told of an attempt that was stopped after another one that was cut off."""

from typing import Literal

import pytest

from producers.events import Usage
from producers.limits import spending
from producers.log.places import Place
from stream_workers.inference.endings import Attempt
from tests.support.builders import a_prompt


@pytest.mark.parametrize("verdict", ["cancelled", "expired"])
@pytest.mark.parametrize(("usage", "charged"), [(None, 150), (Usage(7, 1), 8)])
def test_what_was_held_back_is_charged_only_where_this_attempt_has_counted_nothing(
    verdict: Literal["cancelled", "expired"], usage: Usage | None, charged: int
) -> None:
    attempt = Attempt(a_prompt(), 2, "w1", {}, Place("prompts.standard", 0, 0), usage=usage, uncounted_tokens=150)

    assert spending.spent(attempt.stopped(verdict, "")) == charged
