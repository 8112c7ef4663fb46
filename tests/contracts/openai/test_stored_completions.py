"""The unmodified `openai` SDK on stored chat completions: listed, changed, their messages read, deleted."""

from collections.abc import AsyncIterator

import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion

from producers.state import walking
from tests.support.gateway import MODEL, RunningGateway

OTHER_MODEL = "other/model"


@pytest.fixture
async def client(gateway: RunningGateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key=gateway.key.api_key, base_url=f"{gateway.url}/v1", max_retries=0) as sdk:
        yield sdk


async def stored(client: AsyncOpenAI, words: str, model: str = MODEL, **metadata: str) -> str:
    made = await client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": words}], store=True, metadata=metadata
    )
    return made.id


async def test_those_that_were_stored_are_listed_oldest_first_page_by_page(client: AsyncOpenAI) -> None:
    ids = [await stored(client, f"a {number}") for number in range(5)]
    await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "b"}])
    await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "c"}], store=False)
    with pytest.raises(openai.InternalServerError):
        await stored(client, "fail")
    every = [each async for each in client.chat.completions.list(limit=2)]
    newest = await client.chat.completions.list(limit=2, order="desc")
    after = await client.chat.completions.list(after=ids[3])

    assert [each.id for each in every] == ids
    assert every[0].choices[0].message.content == "a0"
    assert ([each.id for each in newest.data], newest.has_more) == ([ids[4], ids[3]], True)
    assert ([each.id for each in after.data], after.has_more) == ([ids[4]], False)


async def test_an_answer_from_the_cache_is_stored_like_any_other(client: AsyncOpenAI) -> None:
    ids = [await stored(client, "the same") for _ in range(2)]

    assert [each.id async for each in client.chat.completions.list()] == ids


async def test_one_is_found_behind_however_many_a_filter_passes_over(
    client: AsyncOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK ends at a page that is empty, whatever `has_more` says."""
    monkeypatch.setattr(walking, "LOOKED_AT_ONCE", 1)
    monkeypatch.setattr(walking, "MOST_LOOKED", 2)
    first, *_, last = [await stored(client, f"a {n}", colour="red" if n in {0, 7} else "blue") for n in range(8)]

    assert [each.id async for each in client.chat.completions.list(metadata={"colour": "red"})] == [first, last]


async def test_they_are_filtered_by_model_and_metadata_which_can_be_changed(client: AsyncOpenAI) -> None:
    red, blue = await stored(client, "a", colour="red", size="1"), await stored(client, "b", OTHER_MODEL, colour="blue")
    of_model = [each.id async for each in client.chat.completions.list(model=OTHER_MODEL)]
    reds = [each.id async for each in client.chat.completions.list(metadata={"colour": "red", "size": "1"})]
    changed = await client.chat.completions.update(red, metadata={"colour": "blue"})
    now_blue = [each async for each in client.chat.completions.list(metadata={"colour": "blue"})]
    emptied = await client.chat.completions.update(blue, metadata=None)
    read = await client.chat.completions.retrieve(red)

    assert (of_model, reds) == ([blue], [red])
    assert (changed.id, changed.metadata) == (red, {"colour": "blue"})
    assert [each.id for each in now_blue] == [red, blue]
    assert (emptied.metadata, read.metadata) == ({}, {"colour": "blue"})
    assert read.choices[0].message.content == "a"


async def test_the_messages_that_were_answered_are_listed(client: AsyncOpenAI) -> None:
    made = await client.chat.completions.create(
        model=MODEL,
        store=True,
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "name": "ann", "content": [{"type": "text", "text": "How warm?"}]},
            {
                "role": "assistant",
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "warmth", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "21"},
        ],
    )
    told = [each async for each in client.chat.completions.messages.list(made.id, limit=3)]
    last = await client.chat.completions.messages.list(made.id, order="desc", limit=1)

    assert [each.id for each in told] == [f"{made.id}-{at}" for at in range(4)]
    assert [(str(each.role), each.content) for each in told] == [
        ("system", "Be brief."), ("user", "How warm?"), ("assistant", None), ("tool", "21"),
    ]  # fmt: skip
    assert told[1].to_dict()["name"] == "ann"
    assert told[2].tool_calls is not None
    assert told[2].tool_calls[0].id == "c1"
    assert ([each.id for each in last.data], last.has_more) == ([f"{made.id}-3"], True)


async def test_what_is_deleted_is_off_the_list_and_cannot_be_changed(client: AsyncOpenAI) -> None:
    first, second = await stored(client, "a", colour="red"), await stored(client, "b")
    await client.chat.completions.delete(first)

    assert [each.id async for each in client.chat.completions.list()] == [second]
    assert [each.id async for each in client.chat.completions.list(after=first)] == [second]
    for asking in (
        client.chat.completions.update(first, metadata={}),
        client.chat.completions.retrieve(first),
        client.chat.completions.messages.list(first),
    ):
        with pytest.raises(openai.NotFoundError):
            await asking


@pytest.mark.parametrize("query", [{"order": "up"}, {"limit": 0}, {"after": "chatcmpl-none"}, {"after": "x"}])
async def test_a_page_that_cannot_be_given_is_refused(client: AsyncOpenAI, query: dict[str, str]) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await client.get("/chat/completions", cast_to=ChatCompletion, options={"params": query})

    assert refused.value.param == next(iter(query))


async def test_metadata_out_of_bounds_is_refused_by_name(client: AsyncOpenAI) -> None:
    made = await stored(client, "a")

    with pytest.raises(openai.BadRequestError) as refused:
        await client.chat.completions.update(made, metadata={"x" * 65: "1"})
    assert refused.value.param == "metadata"
