"""W3C trace context."""

import re

import pytest

from infra.telemetry.trace import child_of

THEIRS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SHAPE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]")


def test_we_go_on_in_the_caller_s_trace_under_a_span_of_our_own() -> None:
    ours = child_of(THEIRS)

    assert SHAPE.fullmatch(ours)
    assert ours[:36] == THEIRS[:36]
    assert ours[36:52] != THEIRS[36:52]
    assert child_of(THEIRS[:-2] + "00").endswith("-00")


@pytest.mark.parametrize(
    "theirs",
    [
        None,
        "",
        "nonsense",
        THEIRS.upper(),
        THEIRS + "-more",
        "ff" + THEIRS[2:],
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
        THEIRS + "\n",
    ],
)
def test_what_is_missing_or_malformed_begins_a_new_trace(theirs: str | None) -> None:
    ours = child_of(theirs)

    assert SHAPE.fullmatch(ours)
    assert "0af7651916cd43dd" not in ours
    assert ours != child_of(theirs)
