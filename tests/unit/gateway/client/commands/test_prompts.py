"""What was typed or listed in a file, as bodies of jobs."""

from typing import Any

from gateway.client.commands import prompts
from gateway.client.commands.prompts import BadLine, Line


def test_every_line_of_a_jsonl_file_is_a_prompt_and_bad_ones_are_named_by_their_number() -> None:
    content = (
        b'\xef\xbb\xbf{"input": "one"}\r\n'
        b"\n"
        b"not json\n"
        b'["a list"]\n'
        b'{"model": "m"}\n'
        b'{"input": "both", "messages": []}\n'
        b'{"input": "\xff"}\n' + b"[" * 100_000 + b"\n"
        b'{"messages": [{"role": "user", "content": "two"}], "lane": "batch"}'
    )

    found = list(prompts.from_jsonl(content, {}))

    assert [each.line for each in found] == [1, 3, 4, 5, 6, 7, 8, 9]
    assert found[0] == Line(1, {"input": "one"})
    assert found[-1] == Line(9, {"messages": [{"role": "user", "content": "two"}], "lane": "batch"})
    bad = [each for each in found[1:-1] if isinstance(each, BadLine)]
    assert len(bad) == 6
    assert bad[2].reason == "must have either `input` or `messages`"


def test_options_stand_for_every_line_that_does_not_say_otherwise() -> None:
    said = prompts.options(lane="batch", max_tokens=7)

    plain, other = prompts.from_jsonl(b'{"input": "a"}\n{"input": "b", "max_tokens": 9}', said)

    assert plain == Line(1, {"lane": "batch", "max_tokens": 7, "input": "a"})
    assert other == Line(2, {"lane": "batch", "max_tokens": 9, "input": "b"})


def test_an_option_that_was_not_given_is_left_out_and_zero_is_not() -> None:
    assert prompts.options() == {}
    assert prompts.options(temperature=0.0, webhook="https://example.com") == {
        "temperature": 0.0,
        "webhook": {"url": "https://example.com"},
    }


def keys_of(content: bytes, **said: Any) -> list[str | None]:
    found = prompts.keyed(list(prompts.from_jsonl(content, prompts.options(**said))), content)
    return [each.key for each in found if isinstance(each, Line)]


def test_the_same_file_has_the_same_keys_and_another_one_has_others() -> None:
    twice = b'{"input": "a"}\n{"input": "a"}\n'

    assert keys_of(twice) == keys_of(twice)
    assert len({*keys_of(twice), *keys_of(twice, max_tokens=5), *keys_of(twice + b"\n")}) == 6


def test_a_line_may_bear_a_key_of_its_own() -> None:
    content = b'{"input": "a", "idempotency_key": "invoice-7"}\n{"input": "b", "idempotency_key": 7}'

    own, wrong = prompts.from_jsonl(content, {})

    assert own == Line(1, {"input": "a"}, "invoice-7")
    assert isinstance(wrong, BadLine)
    assert keys_of(content) == ["invoice-7"]
