"""How a body becomes a request, in the words of TGI's HTTP framework."""

import pytest

from infra.local.tgi.errors import Malformed
from infra.local.tgi.requests.bodies import decode
from infra.local.tgi.requests.wire import ChatRequest, GenerateRequest


def test_unknown_fields_and_what_follows_the_value_are_ignored() -> None:
    assert decode(b'{"inputs":"Hi","more":1} and so on', GenerateRequest).inputs == "Hi"


def test_a_list_stands_for_the_fields_in_order() -> None:
    asked = decode(b'["Hi",{"max_new_tokens":2}]', GenerateRequest)
    assert (asked.inputs, asked.chosen().max_new_tokens) == ("Hi", 2)


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"inputs":"x",}', b'{"inputs":NaN}', b"\xef\xbb\xbf{}", b'{"inputs":"\xff"}']
)
def test_what_is_no_json_is_400(body: bytes) -> None:
    with pytest.raises(Malformed, match="Failed to parse the request body as JSON") as refused:
        decode(body, GenerateRequest)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"{}", "missing field `inputs` at line 1 column 2"),
        (b'{"inputs":["a"]}', "inputs: invalid type: sequence, expected a string"),
        (b'{"inputs":5}', "inputs: invalid type: integer `5`, expected a string"),
        (b'{"inputs":"a","parameters":{"max_new_tokens":1.5}}', "floating point `1.5`, expected u32"),
        (b'{"inputs":"a","parameters":{"max_new_tokens":-1}}', "invalid value: integer `-1`, expected u32"),
        (b'{"inputs":"a","parameters":{"do_sample":null}}', "invalid type: null, expected a boolean"),
        (b'{"inputs":"a","parameters":{"seed":18446744073709551616}}', "expected u64"),
    ],
)
def test_another_shape_is_422_and_says_where(body: bytes, told: str) -> None:
    with pytest.raises(Malformed, match="Failed to deserialize the JSON body into the target type") as refused:
        decode(body, GenerateRequest)
    assert refused.value.status == 422
    assert told in str(refused.value)


def test_both_names_of_the_limit_are_one_field_twice() -> None:
    with pytest.raises(Malformed, match="duplicate field"):
        decode(b'{"messages":[],"max_tokens":1,"max_completion_tokens":1}', ChatRequest)
