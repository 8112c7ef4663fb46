"""The real model's answers obey the form that was asked for, cut off or not, whatever form it is."""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from llguidance import LLMatcher, LLTokenizer

from infra.local.tgi.engine import Ask, Constraint, Sampling, Token
from infra.local.tgi.grammar import check, grammar
from infra.local.tgi.llama.engine import LlamaEngine
from infra.local.tgi.model import model_file
from infra.settings import LocalSettings
from producers.events import AnswerFormat, Tool
from stream_workers.inference import calls, grammars

SEED = 20_261_122
SCHEMAS = 16
CUTS = (3, 12, 60)
WORDS = ("city", "n", "why not", "übrig", 'a"b', "x_1")


@pytest.fixture(scope="module")
def model() -> Path:
    return model_file(LocalSettings.from_env())


@pytest.fixture
async def engine(model: Path) -> AsyncIterator[LlamaEngine]:
    engine = LlamaEngine(model, slots=4, max_total_tokens=256)
    await engine.load()
    yield engine
    await engine.close()


def a_schema(luck: random.Random, depth: int = 0) -> dict[str, Any]:
    """A small schema of the kinds that people use."""
    kinds = ["string", "integer", "number", "boolean", "enum", "pattern"] + ["array", "anyOf", "object"] * (depth < 2)
    match luck.choice(kinds) if depth else "object":
        case "object":
            names = luck.sample(WORDS, luck.randint(1, 3))
            properties = {name: a_schema(luck, depth + 1) for name in names}
            return {"type": "object", "properties": properties, "required": names[: luck.randint(0, len(names))]}
        case "array":
            return {"type": "array", "items": a_schema(luck, depth + 1), "minItems": luck.randint(0, 1), "maxItems": 2}
        case "anyOf":
            return {"anyOf": [a_schema(luck, depth + 1), {"type": "null"}]}
        case "enum":
            return {"enum": luck.sample(["red", "Grün", 7, None, True], 2)}
        case "pattern":
            return {"type": "string", "pattern": "^[A-Z][a-z]{1,4}/[0-9]$"}
        case "string":
            return {"type": "string", "maxLength": luck.randint(1, 9)}
        case "integer":
            return {"type": "integer", "minimum": luck.randint(-9, 0), "maximum": luck.randint(1, 9)}
        case kind:
            return {"type": kind}


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Whether the value is what the schema says: read from the schema anew, not by what made it a grammar."""
    if "anyOf" in schema:
        return any(fits(value, each) for each in schema["anyOf"])
    if "enum" in schema:
        return any(value == each and type(value) is type(each) for each in schema["enum"])
    match schema["type"], value:
        case "object", dict():
            known = schema["properties"]
            named = set(schema["required"]) <= value.keys() <= known.keys()
            return named and all(fits(each, known[name]) for name, each in value.items())
        case "array", list():
            return schema["minItems"] <= len(value) <= 2 and all(fits(each, schema["items"]) for each in value)
        case "string", str():
            short = len(value) <= schema.get("maxLength", 99)
            return short and re.fullmatch(schema.get("pattern", ".*"), value, re.DOTALL) is not None
        case "integer", int():
            return not isinstance(value, bool) and schema["minimum"] <= value <= schema["maximum"]
        case "number", int() | float():
            return not isinstance(value, bool)
        case kind, _:
            return {"boolean": bool, "null": type(None)}.get(kind) is type(value)


def begins_so(text: str, constraint: Constraint) -> bool:
    """Whether an answer of that form can begin with this text."""
    matcher = LLMatcher(LLTokenizer("byte"), grammar(constraint), log_level=0)
    raw = list(text.encode())
    return matcher.try_consume_tokens(raw) == len(raw)


async def generate(engine: LlamaEngine, constraint: Constraint, most: int, seed: int) -> list[Token]:
    prompt = "<|im_start|>user\nTell me of Paris as JSON.<|im_end|>\n<|im_start|>assistant\n"
    ids = tuple(each.id for each in await engine.tokenize(prompt))
    sampling = Sampling(sample=True, temperature=1.3, seed=seed)
    return [
        each async for each in engine.generate(Ask(prompt, ids, most, sampling, constraint=constraint), lambda: None)
    ]


def text_of(tokens: list[Token]) -> str:
    return "".join(each.text for each in tokens if not each.special)


async def test_answers_obey_random_schemas_cut_off_or_not(engine: LlamaEngine) -> None:
    luck = random.Random(SEED)
    schemas = [a_schema(luck) for _ in range(SCHEMAS)]
    ends = 0

    async def one(number: int, schema: dict[str, Any]) -> None:
        nonlocal ends
        form = Constraint(schema=schema)
        check(form)
        tokens = await generate(engine, form, CUTS[number % len(CUTS)], number)
        text = text_of(tokens)
        assert begins_so(text, form), (schema, text)
        if tokens[-1].ends:
            ends += 1
            assert fits(json.loads(text), schema), (schema, text)
        else:
            assert len(tokens) == CUTS[number % len(CUTS)]

    await asyncio.gather(*(one(number, each) for number, each in enumerate(schemas)))

    assert 0 < ends < SCHEMAS


@pytest.mark.parametrize("regex", [r"\d{4}-\d{2}-\d{2}", "(yes|no), [a-z]{1,9}/[0-9]", "[A-ZÄÖÜ]{2}🐋?"])
async def test_answers_match_regular_expressions(engine: LlamaEngine, regex: str) -> None:
    form = Constraint(regex=regex)
    check(form)
    tokens = await generate(engine, form, 40, seed=3)
    assert tokens[-1].ends
    assert re.fullmatch(regex, text_of(tokens))


async def test_the_forms_that_the_worker_asks_for_can_be_followed(engine: LlamaEngine) -> None:
    weather = Tool(
        "weather", "Of a city", {"properties": {"city": {"type": "string", "maxLength": 9}}, "required": ["city"]}
    )
    any_object = Constraint(regex=str(grammars.of_format(AnswerFormat()).value))
    a_call: Any = grammars.of_call([weather], must_call=True).value
    check(any_object)
    check(Constraint(schema=a_call))
    called = text_of(await generate(engine, Constraint(schema=a_call), 60, seed=5))

    call = calls.read(called, "job_1", 0)
    assert call is not None
    assert (call.name, list(json.loads(call.arguments))) == ("weather", ["city"])
    assert begins_so(text_of(await generate(engine, any_object, 30, seed=5)), any_object)
