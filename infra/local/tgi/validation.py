"""Which values are accepted, in TGI's order and words, and how many tokens an answer may have."""

import json
from typing import Any

from infra.local.tgi.engine import Constraint, Sampling
from infra.local.tgi.errors import invalid
from infra.local.tgi.options import ROUND_TOKENS, Options
from infra.local.tgi.requests.scan import fault
from infra.local.tgi.requests.wire import Grammar, Parameters


def samples(given: Parameters) -> bool:
    """Whether the answer is sampled: any sampling value set means so, whatever `do_sample` says."""
    tuned = (given.temperature, given.top_k, given.top_p, given.typical_p)
    return given.do_sample or any(each is not None for each in tuned)


def check_best_of(given: Parameters, options: Options, *, stream: bool) -> int:
    """How many answers are made; raises TgiRefusal."""
    best_of = given.best_of or 1
    if stream and given.best_of not in {None, 1}:
        raise invalid("`best_of` != 1 is not supported when streaming tokens")
    if stream and given.decoder_input_details:
        raise invalid("`decoder_input_details` == true is not supported when streaming tokens")
    if best_of > 1 and options.max_best_of == 1:
        raise invalid("`best_of` != 1 is not allowed for this endpoint")
    if best_of > options.max_best_of:
        raise invalid(f"`best_of` must be > 0 and <= {options.max_best_of}. Given: {best_of}")
    return best_of


def check_values(given: Parameters, inputs: str, options: Options) -> None:
    """Refuse a value out of its range; raises TgiRefusal with the first one in TGI's order."""
    if (given.best_of or 1) > 1 and not samples(given):
        raise invalid("you must use sampling when `best_of` is > 1")
    for name in ("temperature", "repetition_penalty"):
        if _given(given, name, 1.0) <= 0:
            raise invalid(f"`{name}` must be strictly positive")
    if not -2.0 <= _given(given, "frequency_penalty", 0.0) <= 2.0:
        raise invalid("`frequency_penalty` must be >= -2.0 and <= 2.0")
    for name in ("top_p", "typical_p"):
        if not 0.0 < _given(given, name, 0.5) < 1.0:
            raise invalid(f"`{name}` must be > 0.0 and < 1.0")
    if _given(given, "top_k", 1) <= 0:
        raise invalid("`top_k` must be strictly positive")
    if given.max_new_tokens == 0:
        raise invalid("`max_new_tokens` must be strictly positive")
    _check_counts(given, inputs, options)


def _given(given: Parameters, name: str, default: float) -> float:
    value: float | None = getattr(given, name)
    return default if value is None else value


def _check_counts(given: Parameters, inputs: str, options: Options) -> None:
    if len(given.stop) > options.max_stop_sequences:
        most, have = options.max_stop_sequences, len(given.stop)
        raise invalid(f"`stop` supports up to {most} stop sequences. Given: {have}")
    if (given.best_of or 1) > 1 and given.seed is not None:
        raise invalid("`seed` must not be set when `best_of` > 1")
    if (given.top_n_tokens or 0) > options.max_top_n_tokens:
        if options.max_top_n_tokens == 0:
            raise invalid("`top_n_tokens` != 0 is not allowed for this endpoint")
        raise invalid(f"`top_n_tokens` must be >= 0 and <= {options.max_top_n_tokens}. Given: {given.top_n_tokens}")
    if not inputs:
        raise invalid("`inputs` cannot be empty")
    if given.truncate is not None and not 0 < given.truncate <= options.max_input_tokens:
        raise invalid(
            f"`truncate` must be strictly positive and less than {options.max_input_tokens}. Given: {given.truncate}"
        )


def check_length(given: Parameters, input_tokens: int, options: Options) -> int:
    """How many tokens may be made; raises TgiRefusal if prompt and answer together are too long.

    Only the first round is checked: a longer answer ends where its next round does not fit.
    """
    room = max(options.max_total_tokens - input_tokens, 0)
    first = min(room if given.max_new_tokens is None else given.max_new_tokens, ROUND_TOKENS)
    if input_tokens + first > options.max_total_tokens:
        raise invalid(
            f"`inputs` tokens + `max_new_tokens` must be <= {options.max_total_tokens}. "
            f"Given: {input_tokens} `inputs` tokens and {first} `max_new_tokens`"
        )
    if input_tokens > options.max_input_tokens:
        raise invalid(f"`inputs` must have less than {options.max_input_tokens} tokens. Given: {input_tokens}")
    wanted = options.max_total_tokens if given.max_new_tokens is None else given.max_new_tokens
    made = first
    while made < wanted and input_tokens + made + ROUND_TOKENS <= options.max_total_tokens:
        made += ROUND_TOKENS
    return made


def sampling(given: Parameters, seed: int) -> Sampling:
    """How the tokens are chosen."""
    return Sampling(
        sample=samples(given),
        temperature=_given(given, "temperature", 1.0),
        repetition_penalty=_given(given, "repetition_penalty", 1.0),
        frequency_penalty=_given(given, "frequency_penalty", 0.0),
        top_k=int(_given(given, "top_k", 0)),
        top_p=_given(given, "top_p", 1.0),
        typical_p=_given(given, "typical_p", 1.0),
        seed=seed,
    )


def constraint(given: Grammar | None, options: Options) -> Constraint | None:
    """The form the answer must have; raises TgiRefusal."""
    if given is None:
        return None
    if not options.grammar_support:
        raise invalid("grammar is not supported")
    if given.type == "regex":
        return Constraint(regex=str(given.value))
    schema = _schema(given)
    if not isinstance(schema, dict) or "properties" not in schema:
        raise invalid("grammar is not valid: Grammar must have a 'properties' field")
    _check_types(schema)
    return Constraint(schema=schema)


def _schema(given: Grammar) -> Any:
    value = given.value
    if given.type == "json_schema" and isinstance(value, dict):
        return value.get("schema")
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError as error:
            told = fault(value.encode())
            raise invalid(f"grammar is not valid: {told.text if told else error}") from None
    return value


_TYPES = {"array", "boolean", "integer", "null", "number", "object", "string"}


def _check_types(schema: dict[str, Any]) -> None:
    kinds = schema.get("type", "object")
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if kind not in _TYPES:
            raise invalid(
                f"grammar is not valid: {json.dumps(kind)} is not valid under any of the schemas listed in "
                "the 'anyOf' keyword"
            )
    for each in schema.get("properties", {}).values():
        if isinstance(each, dict):
            _check_types(each)
