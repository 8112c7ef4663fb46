"""Lines of a file, however it is cut into pieces."""

import random
from collections.abc import AsyncIterator
from itertools import pairwise

from gateway.batches.lines import Line, grouped, lines


async def cut(content: bytes, sizes: list[int]) -> AsyncIterator[bytes]:
    at = 0
    while at < len(content):
        size = sizes.pop() if sizes else 7
        yield content[at : at + size]
        at += size


async def read(
    content: bytes, sizes: list[int], longest: int = 50, number: int = 1, offset_bytes: int = 0
) -> list[Line]:
    pieces = cut(content[offset_bytes:], sizes)
    return [each async for each in lines(pieces, longest, number=number, offset_bytes=offset_bytes)]


async def test_lines_are_the_same_however_the_file_is_cut_and_can_be_read_on_from_any_of_them() -> None:
    seed = random.Random(7)
    for _ in range(200):
        texts = [b"x" * seed.choice([0, 1, 3, 49, 50, 51, 120]) for _ in range(8)]
        content = b"\n".join(texts) + seed.choice([b"", b"\n"])
        whole = await read(content, [len(content)])
        assert whole == await read(content, [seed.randint(1, 60) for _ in range(40)])
        expected = [(n + 1, None if len(each) > 50 else each) for n, each in enumerate(texts) if each]
        assert [(each.number, each.text) for each in whole] == expected
        for before, line in pairwise(whole):
            assert content[line.begins_bytes :].startswith(line.text or b"x")
            rest = await read(content, [5], number=before.number + 1, offset_bytes=before.ends_bytes)
            assert rest[0] == line


async def test_blank_lines_are_passed_over_and_count() -> None:
    found = await read(b"a\n\n \r\nb\r\n", [3, 2])

    assert [(each.number, each.text) for each in found] == [(1, b"a"), (4, b"b\r")]


async def test_the_mark_of_utf_8_is_passed_over_where_the_file_begins() -> None:
    whole = await read(b"\xef\xbb\xbf{}\n\xef\xbb\xbf{}", [2])
    alone = await read(b"\xef\xbb\xbf{}", [2])

    assert [(each.text, each.ends_bytes) for each in whole] == [(b"{}", 6), (b"\xef\xbb\xbf{}", 11)]
    assert [(each.text, each.ends_bytes) for each in alone] == [(b"{}", 5)]
    assert await read(b"\xef\xbb\xbf\n", [1]) == []


async def test_lines_are_grouped_in_their_order_and_the_last_group_may_be_small() -> None:
    groups = [[each.text for each in some] async for some in grouped(lines(cut(b"a\nb\nc", [9]), 50), 2)]

    assert groups == [[b"a", b"b"], [b"c"]]
    assert [some async for some in grouped(lines(cut(b"", [9]), 50), 2)] == []
