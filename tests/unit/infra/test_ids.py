"""Ids: they sort by time, and those that must be the same are."""

import re

import pytest

from infra.clock import ManualClock, SystemClock
from infra.ids import LENGTH, derived_id, is_id, new_id

SHAPE = re.compile(rf"job_[0-9a-hjkmnp-tv-z]{{{LENGTH}}}")


def test_ids_made_later_sort_later() -> None:
    clock = ManualClock()
    made = []
    for _ in range(200):
        made.append(new_id("job", clock))
        clock.advance(0.001)

    assert made == sorted(made)
    assert all(SHAPE.fullmatch(each) for each in made)


def test_ids_of_one_instant_differ() -> None:
    clock = ManualClock()

    assert len({new_id("job", clock) for _ in range(1000)}) == 1000


def test_an_id_begins_with_its_time() -> None:
    assert new_id("job", ManualClock(0)).startswith("job_0000000000")
    assert new_id("job", ManualClock(2**48 - 1)).startswith("job_7zzzzzzzzz")


def test_an_id_of_today_sorts_before_one_of_the_next_century() -> None:
    assert new_id("job", SystemClock()) < new_id("job", ManualClock(4_102_444_800_000))


def test_a_derived_id_is_always_the_same() -> None:
    assert derived_id("msg", "job_1/completed") == "msg_0s028tqs99vd9haypce9rtdpgd"
    assert derived_id("msg", "job_1/completed") != derived_id("msg", "job_2/completed")
    assert SHAPE.fullmatch(derived_id("job", ""))


def test_an_id_is_known_by_its_kind_and_form() -> None:
    assert is_id("job", new_id("job", SystemClock()))
    assert is_id("msg", derived_id("msg", "x"))


@pytest.mark.parametrize(
    "text", ["", "job_", "job", "job_1", f"key_{'0' * LENGTH}", f"job_{'0' * LENGTH}0", f"job_{'I' * LENGTH}", "0" * 30]
)
def test_what_is_no_id_of_that_kind_is_told(text: str) -> None:
    assert not is_id("job", text)
