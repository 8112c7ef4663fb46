"""A reader's frames are checked: all there, in order, to the end."""

import json

import pytest

from benchmarks.frames import check, unchunked
from infra import sse


def chunked(*parts: bytes, is_whole: bool = True) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in parts) + (b"0\r\n\r\n" if is_whole else b"")


def a_frame(seq: int, event: str, told: object) -> bytes:
    return sse.encode(json.dumps(told), event=event, id=seq)


def the_end(seq: int, text: str, status: str = "completed") -> bytes:
    result = {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}
    return a_frame(seq, "done", {"id": "job_1", "status": status, "result": result if status == "completed" else None})


OPENING = sse.come_back(500) + a_frame(0, "snapshot", {"text": ""})
ONE, TWO = a_frame(1, "token", {"text": "He"}), a_frame(2, "token", {"text": "llo"})


def test_what_chunks_carry_is_put_together() -> None:
    assert unchunked(chunked(b"ab\r\ncd", b"e" * 20)) == (b"ab\r\ncd" + b"e" * 20, True)
    assert unchunked(chunked(b"ab", is_whole=False)) == (b"ab", False)


def test_a_stream_that_brought_everything_has_nothing_wrong() -> None:
    assert check(chunked(OPENING, sse.PING, ONE + TWO, the_end(3, "Hello"))) == (4, "")


def test_a_snapshot_stands_for_all_that_was_shown_before() -> None:
    anew = a_frame(3, "snapshot", {"text": "Bye"})

    assert check(chunked(OPENING, ONE, TWO, anew, the_end(4, "Bye"))) == (5, "")


@pytest.mark.parametrize(
    ("parts", "wrong"),
    [
        ((OPENING, ONE, the_end(3, "He")), "the numbers are [0, 1, 3]"),
        ((OPENING, TWO, ONE, the_end(3, "Hello")), "the numbers are [0, 2, 1, 3]"),
        ((OPENING, ONE, ONE, TWO, the_end(3, "Hello")), "the numbers are [0, 1, 1, 2, 3]"),
        ((TWO, the_end(3, "llo")), "it begins with number 2"),
        ((OPENING, ONE, TWO), "it does not end with done"),
        ((OPENING, ONE, TWO, the_end(3, "Hello!")), "the text is not the answer's"),
        ((OPENING, ONE, TWO, the_end(3, "", "failed")), "the job is failed"),
        ((sse.encode("{}", event="done"),), "a frame has no number"),
    ],
)
def test_what_a_stream_lacks_is_told(parts: tuple[bytes, ...], wrong: str) -> None:
    assert check(chunked(*parts))[1] == wrong


def test_a_stream_that_breaks_off_is_no_whole_one() -> None:
    assert check(chunked(OPENING, ONE, TWO, the_end(3, "Hello"), is_whole=False))[1] == "it broke off"
