"""The inputs of large batches, and what is found in their outputs."""

import json

from benchmarks.batch_lines import Told, custom_id, inputs, told_once


def a_line(number: int) -> bytes:
    return json.dumps({"id": "x", "custom_id": custom_id(number), "response": None}).encode()


def test_lines_have_the_size_that_was_asked_for() -> None:
    lines = list(inputs("some/model", 20, 4096))

    assert all(4090 < len(each) <= 4096 for each in lines)
    assert [json.loads(each)["custom_id"] for each in lines[:2]] == ["line-000001", "line-000002"]


def test_wrong_lines_are_those_that_were_named() -> None:
    assert [each.startswith(b"{no") for each in inputs("some/model", 4, 200, wrong={2, 4})] == [0, 1, 0, 1]


def test_each_line_is_to_stand_in_one_file_once() -> None:
    assert told_once(3, [a_line(1), a_line(3)], [a_line(2)]).is_right
    assert told_once(3, [a_line(1), a_line(3)], [a_line(3), a_line(7)]) == Told(once=1, never=1, again=1, unknown=1)
    assert not told_once(2, [a_line(1)]).is_right
