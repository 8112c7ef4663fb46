"""A long list is looked through in small steps: to one that is wanted, as far as one may, and each in its turn."""

import asyncio
from typing import Any

import pytest

from producers.state import walking
from producers.state.walking import Walked, walk


class AList:
    """Numbers, of which some are wanted; it knows how many looked at it at the same time."""

    def __init__(self, length: int, *wanted: int) -> None:
        self._numbers, self._wanted = range(length), wanted
        self.looks, self._now, self.most_at_once = 0, 0, 0

    async def look(self, last: str, last_at: str, most: int, most_looked: int) -> list[Any]:
        self.looks, self._now = self.looks + 1, self._now + 1
        self.most_at_once = max(self.most_at_once, self._now)
        await asyncio.sleep(0)
        self._now -= 1
        begin = int(last) + 1 if last else 0
        seen = self._numbers[begin : begin + most_looked]
        found = [each for each in seen if each in self._wanted]
        verdict = b"end" if begin + most_looked > len(self._numbers) else b"more"
        return [verdict, str(seen[-1] if seen else last).encode(), b"", found]


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "LOOKED_AT_ONCE", 10)
    monkeypatch.setattr(walking, "MOST_LOOKED", 40)


async def test_a_page_goes_on_until_it_holds_one() -> None:
    walked = await walk(asyncio.Lock(), AList(1_000, 505, 990).look, 20, None)

    assert walked == Walked([505], "more", "509")


async def test_a_page_that_may_be_empty_ends_where_many_were_looked_at() -> None:
    walked = await walk(asyncio.Lock(), AList(1_000, 505).look, 20, None, may_be_empty=True)

    assert walked == Walked([], "more", "39")


async def test_a_list_that_holds_none_comes_to_its_end() -> None:
    long = AList(1_000)

    assert await walk(asyncio.Lock(), long.look, 20, None) == Walked([], "end", "999")
    assert long.looks == 101


async def test_only_what_is_passed_over_is_asked_for_and_a_page_with_one_may_end_there() -> None:
    asked = list[bool]()

    async def go_on(may_end: bool) -> bool:
        asked.append(may_end)
        return not may_end

    whole = await walk(asyncio.Lock(), AList(30, *range(30)).look, 40, None, go_on)
    rare = await walk(asyncio.Lock(), AList(1_000, 15, 16).look, 40, None, go_on)

    assert whole == Walked(list(range(30)), "end", "29")
    assert rare == Walked([15, 16], "more", "29"), "by its second look it passed over 18, by its third 28"
    assert asked == [False, True]


async def test_of_all_who_walk_one_looks_at_a_time() -> None:
    long, turn = AList(500), asyncio.Lock()
    walks = [asyncio.create_task(walk(turn, long.look, 20, "9")) for _ in range(5)]
    await asyncio.gather(*walks)
    first_looks = 5

    assert long.looks == 5 * 50
    assert long.most_at_once == first_looks
