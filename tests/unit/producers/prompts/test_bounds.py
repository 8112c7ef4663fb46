"""Bounds of single values: times, and texts that people are shown."""

import pytest

from infra.errors import WrongField
from producers.prompts import bounds


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-01T00:00:00Z",
        "2026-12-01t00:00:00z",
        "2026-12-01 01:00:00+01:00",
        "2026-11-30T23:00:00.000000000-01:00",
    ],
)
def test_a_time_is_read_as_rfc_3339_writes_it(text: str) -> None:
    assert bounds.instant_ms(text) == 1_796_083_200_000


@pytest.mark.parametrize(
    "text",
    [
        "20261201T000000Z",
        "2026-W49-2T00:00:00Z",
        "2026-12-01T00:00Z",
        "2026-12-01T00:00:00",
        "2026-12-01",
        "2026-13-01T00:00:00Z",
        "2026-12-01T00:00:00+0100",
        "٢٠٢٦-12-01T00:00:00Z",
    ],
)
def test_what_only_looks_like_a_time_is_refused(text: str) -> None:
    with pytest.raises(WrongField):
        bounds.instant_ms(text)


@pytest.mark.parametrize("text", ["ci", "übrig 水", "👩‍🚀 \u200f\u05e9\u05dc", None])
def test_a_caption_is_any_line_of_text(text: str | None) -> None:
    assert bounds.caption("name", text, 20) == text


@pytest.mark.parametrize("text", ["", " ", "\x00\x1b[31m", "a\nb", "a\tb", "\u202eevil", "\x9b2J", "x" * 21])
def test_a_caption_that_a_terminal_obeys_or_nobody_sees_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(WrongField) as caught:
        bounds.caption("name", text, 20)

    assert caught.value.field == "name"
