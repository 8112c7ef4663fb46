"""Which values the model server accepts, and how long an answer may be."""

from typing import Any

import pytest

from infra.local.tgi.errors import TgiRefusal
from infra.local.tgi.options import Options
from infra.local.tgi.requests.wire import GenerateRequest, Grammar, Parameters
from infra.local.tgi.validation import check_best_of, check_length, check_values, constraint, samples

SMALL = Options(max_input_tokens=512, max_total_tokens=1024)
LARGE = Options(max_input_tokens=3000, max_total_tokens=4000)


@pytest.mark.parametrize(
    ("max_new_tokens", "input_tokens", "options", "allowed"),
    [
        (8, 5, SMALL, 8),
        (None, 5, SMALL, 1019),
        (None, 1, LARGE, 3072),
        (2000, 1, LARGE, 2048),
        (9000, 1, LARGE, 3072),
        (1024, 1, LARGE, 1024),
        (1025, 1, LARGE, 2048),
        (2000, 52, Options(max_input_tokens=1024, max_total_tokens=2048), 1024),
    ],
)
def test_a_long_answer_is_made_in_whole_rounds(
    max_new_tokens: int | None, input_tokens: int, options: Options, allowed: int
) -> None:
    assert check_length(Parameters(max_new_tokens=max_new_tokens), input_tokens, options) == allowed


@pytest.mark.parametrize(
    ("max_new_tokens", "input_tokens", "told"),
    [
        (1020, 5, "must be <= 1024. Given: 5 `inputs` tokens and 1020 `max_new_tokens`"),
        (5000, 5, "must be <= 1024. Given: 5 `inputs` tokens and 1024 `max_new_tokens`"),
        (None, 2000, "must be <= 1024. Given: 2000 `inputs` tokens and 0 `max_new_tokens`"),
        (3, 601, "`inputs` must have less than 512 tokens. Given: 601"),
    ],
)
def test_what_does_not_fit_the_context_is_refused(max_new_tokens: int | None, input_tokens: int, told: str) -> None:
    with pytest.raises(TgiRefusal) as refused:
        check_length(Parameters(max_new_tokens=max_new_tokens), input_tokens, SMALL)
    assert str(refused.value).endswith(told)
    assert refused.value.error_type == "validation"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"temperature": 0.0}, "`temperature` must be strictly positive"),
        ({"top_p": 1.0}, "`top_p` must be > 0.0 and < 1.0"),
        ({"top_k": 0}, "`top_k` must be strictly positive"),
        ({"max_new_tokens": 0}, "`max_new_tokens` must be strictly positive"),
        ({"stop": list("abcde")}, "`stop` supports up to 4 stop sequences. Given: 5"),
        ({"best_of": 2}, "you must use sampling when `best_of` is > 1"),
        ({"best_of": 2, "do_sample": True, "seed": 1}, "`seed` must not be set when `best_of` > 1"),
        ({"truncate": 513}, "`truncate` must be strictly positive and less than 512. Given: 513"),
        ({"top_p": 1.0, "temperature": 0.0}, "`temperature` must be strictly positive"),
    ],
)
def test_a_value_out_of_its_range_is_refused_in_the_order_of_tgi(given: dict[str, Any], told: str) -> None:
    with pytest.raises(TgiRefusal, match="Input validation error") as refused:
        check_values(Parameters(**given), "Hi", SMALL)
    assert str(refused.value) == f"Input validation error: {told}"


def test_an_empty_prompt_is_refused() -> None:
    with pytest.raises(TgiRefusal, match="`inputs` cannot be empty"):
        check_values(Parameters(), "", SMALL)


def test_parameters_left_out_sample_and_empty_ones_do_not() -> None:
    assert samples(GenerateRequest(inputs="Hi").chosen())
    assert not samples(GenerateRequest(inputs="Hi", parameters=Parameters()).chosen())
    assert samples(Parameters(top_k=5))


def test_a_stream_is_one_answer_without_details_of_the_prompt() -> None:
    assert check_best_of(Parameters(best_of=1), SMALL, stream=True) == 1
    for given in (Parameters(best_of=2, do_sample=True), Parameters(decoder_input_details=True)):
        with pytest.raises(TgiRefusal, match="not supported when streaming tokens"):
            check_best_of(given, SMALL, stream=True)
    with pytest.raises(TgiRefusal, match="`best_of` must be > 0 and <= 2"):
        check_best_of(Parameters(best_of=3, do_sample=True), SMALL, stream=False)


def test_a_grammar_needs_properties() -> None:
    assert constraint(None, SMALL) is None
    with pytest.raises(TgiRefusal, match="must have a 'properties' field"):
        constraint(Grammar(type="json", value={"type": "object"}), SMALL)
    found = constraint(Grammar(type="json", value='{"properties": {"a": {"type": "string"}}}'), SMALL)
    assert found is not None
    assert found.schema == {"properties": {"a": {"type": "string"}}}
