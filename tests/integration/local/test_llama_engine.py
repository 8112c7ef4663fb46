"""The real small model behind llama.cpp: tokens, ends, seeds, grammars, and slots that are freed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from infra.local.tgi.engine import Ask, Constraint, Sampling, Token
from infra.local.tgi.llama.engine import BASE, LlamaEngine
from infra.local.tgi.model import model_file
from infra.settings import LocalSettings
from tests.support.eventually import eventually

QUESTION = "<|im_start|>user\nSay hi.<|im_end|>\n<|im_start|>assistant\n"


@pytest.fixture(scope="module")
def model() -> Path:
    return model_file(LocalSettings.from_env())


@pytest.fixture
async def engine(model: Path) -> AsyncIterator[LlamaEngine]:
    engine = LlamaEngine(model, slots=2, max_total_tokens=512)
    await engine.load()
    yield engine
    await engine.close()


async def ask(engine: LlamaEngine, inputs: str, most: int, constraint: Constraint | None = None, **how: float) -> Ask:
    ids = tuple(each.id for each in await engine.tokenize(inputs))
    sampling = Sampling(sample=bool(how), seed=int(how.get("seed", 0)))
    return Ask(inputs, ids, most, sampling, top_n_tokens=3, constraint=constraint)


async def answer(engine: LlamaEngine, asked: Ask) -> list[Token]:
    return [token async for token in engine.generate(asked, lambda: None)]


async def test_the_model_answers_as_it_is_asked(engine: LlamaEngine) -> None:
    assert await engine.healthy()
    assert "<|im_start|>" in engine.chat_template

    tokens = await answer(engine, await ask(engine, "The capital of France is", 2))
    assert "".join(each.text for each in tokens) == " Paris."
    assert tokens[0].top[0].text == " Paris"
    assert len(tokens[0].top) == 3

    tokens = await answer(engine, await ask(engine, QUESTION, 60))
    assert [each.text for each in tokens if each.special] == ["<|im_end|>"]
    assert [each.ends for each in tokens].index(True) == len(tokens) - 1

    whale = "Repeat after me: 🐋🐋🐋🐋🐋🐋🐋🐋"
    tokens = await answer(engine, await ask(engine, whale, 6))
    assert len(tokens) == 6
    if "🐋" in [each.text for each in tokens]:
        assert all(each.id for each in tokens)

    sampled = [
        "".join(each.text for each in await answer(engine, await ask(engine, QUESTION, 12, seed=seed)))
        for seed in (1, 1, 2)
    ]
    assert sampled[0] == sampled[1] != sampled[2]

    digits = await answer(engine, await ask(engine, "My number:", 20, Constraint(regex="[0-9]{4}/x")))
    assert "".join(each.text for each in digits if not each.special)[-2:] == "/x"


async def test_the_prompt_s_tokens_are_as_likely_as_tgi_says(engine: LlamaEngine) -> None:
    """Its numbers were recorded with the model unquantized; the parts of a whale are asked for in another way."""
    ids = [each.id for each in await engine.tokenize("The capital of France is")]
    found = await engine.logprobs(ids)
    assert found[0] is None
    assert found[1:] == pytest.approx([-11.55, -0.34, -2.42, -0.45], abs=0.3)
    whale = [each.id for each in await engine.tokenize("Smile 🐋")]
    assert all(each is not None and each < 0 for each in (await engine.logprobs(whale))[1:])


async def test_leaving_an_answer_frees_its_slot_of_llama(engine: LlamaEngine) -> None:
    async with aclosing(engine.generate(await ask(engine, "Once upon a time", 300), lambda: None)) as tokens:
        for _ in range(3):
            await anext(tokens)
    await eventually(lambda: running(engine, 0))


async def test_leaving_while_the_prompt_is_still_read_frees_the_slot_too(engine: LlamaEngine) -> None:
    asked = await ask(engine, "word " * 400, 300)
    waiting = asyncio.create_task(answer(engine, asked))
    await eventually(lambda: running(engine, 1))
    waiting.cancel()
    await eventually(lambda: running(engine, 0))
    assert waiting.cancelled()


async def running(engine: LlamaEngine, count: int) -> bool:
    """Whether llama.cpp itself is using so many slots: after a hang-up it needs one step to notice."""
    async with engine._open.get(f"{BASE}/slots") as reply:
        return [each["is_processing"] for each in await reply.json()].count(True) == count
