"""A batch lets others have the loop after so long, however few lines that was."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count

from gateway.batches.lines import lines
from gateway.batches.share import MOST_S, Share


def test_a_share_is_used_up_by_time_and_begins_anew() -> None:
    now_s = 100.0
    share = Share(lambda: now_s)
    used_up = [share.is_used_up]
    now_s += MOST_S
    used_up.append(share.is_used_up)
    share.begin()
    used_up.append(share.is_used_up)

    assert used_up == [False, True, False]


async def test_who_goes_through_lines_lets_others_in_even_where_they_are_blank() -> None:
    others = 0

    async def pieces() -> AsyncIterator[bytes]:
        yield b"a\nb\n" + b"\n" * 48

    async def other() -> None:
        nonlocal others
        while True:
            others += 1
            await asyncio.sleep(0)

    going_on = asyncio.create_task(other())
    each_takes_a_quarter = map((MOST_S / 4).__mul__, count())
    found = [each.number async for each in lines(pieces(), 9, share=Share(lambda: next(each_takes_a_quarter)))]
    going_on.cancel()

    assert found == [1, 2]
    assert others >= 50 // 5
