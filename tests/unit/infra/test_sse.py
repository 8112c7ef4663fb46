"""Server-sent events, both ways, by WHATWG HTML section 9.2."""

import random
from collections.abc import AsyncIterator

import pytest

from infra import sse
from infra.sse import Parser, ServerSentEvent

STREAM = (
    "\ufeff: a comment\n"
    "id: 1\nevent: token\ndata: {\"text\": \"Zoë\"}\n\n"
    "data: two\ndata: lines\ndata:\n\n"
    "event: nothing to say\n\n"
    "id: 2\r\ndata:no space\r\n\r\n"
    "retry: 100\rid\rdata:  two spaces\r\r"
    "data: cut off"
).encode()  # fmt: skip
EVENTS = [
    ServerSentEvent('{"text": "Zoë"}', "token", "1"),
    ServerSentEvent("two\nlines\n", "message", "1"),
    ServerSentEvent("no space", "message", "2"),
    ServerSentEvent(" two spaces", "message", ""),
]


def parse(*pieces: bytes) -> list[ServerSentEvent]:
    parser = Parser()
    return [event for piece in pieces for event in parser.feed(piece)]


def test_a_whole_stream_is_read() -> None:
    assert parse(STREAM) == EVENTS


def test_it_does_not_matter_where_the_pieces_are_cut() -> None:
    assert parse(*(bytes([each]) for each in STREAM)) == EVENTS
    for cut in range(len(STREAM)):
        assert parse(STREAM[:cut], STREAM[cut:]) == EVENTS, f"cut at {cut}"


@pytest.mark.parametrize("seed", range(20))
def test_any_pieces_give_the_same_events(seed: int) -> None:
    chance = random.Random(seed)
    cuts = sorted(chance.sample(range(len(STREAM)), 12))

    pieces = [STREAM[start:end] for start, end in zip([0, *cuts], [*cuts, len(STREAM)], strict=True)]

    assert parse(*pieces) == EVENTS


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_with_lf_cr_lf_or_cr(end: str) -> None:
    stream = f"id: 7{end}data: a{end}data: b{end}{end}data: c{end}{end}".encode()

    assert parse(stream) == [ServerSentEvent("a\nb", "message", "7"), ServerSentEvent("c", "message", "7")]
    assert parse(*(bytes([each]) for each in stream)) == parse(stream)


def test_an_id_with_nul_is_passed_over_and_the_last_one_stands() -> None:
    assert parse(b"id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n") == [
        ServerSentEvent("a", "message", "1"),
        ServerSentEvent("b", "message", "1"),
    ]


def test_comments_and_unknown_fields_are_passed_over() -> None:
    assert parse(b": ping\n\n:\n\ncolour: red\ndata: a\n\n") == [ServerSentEvent("a")]
    assert parse(sse.PING) == []


def test_empty_data_is_an_event_and_no_data_is_none() -> None:
    assert parse(b"data\n\n") == parse(b"data:\n\n") == [ServerSentEvent("")]
    assert parse(b"event: token\nid: 3\n\n") == []


def test_bytes_that_are_no_utf8_do_not_end_the_stream() -> None:
    assert parse(b"data: \xff\n\ndata: b\n\n") == [ServerSentEvent("�"), ServerSentEvent("b")]


@pytest.mark.parametrize("data", ["", "one", "two\nlines", "\n", " leading", ": colon", "id: 1", "Zoë 日本"])
def test_what_is_encoded_is_parsed_again(data: str) -> None:
    assert parse(sse.encode(data, event="token", id=5)) == [ServerSentEvent(data, "token", "5")]
    assert parse(sse.encode(data)) == [ServerSentEvent(data)]


async def test_the_events_of_a_stream_of_bytes_come_one_by_one() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(STREAM), 7):
            yield STREAM[start : start + 7]

    assert [each async for each in sse.events(pieces())] == EVENTS
