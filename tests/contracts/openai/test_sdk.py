"""The unmodified `openai` SDK works against us."""

from collections.abc import AsyncIterator

import openai
import pytest
from openai import AsyncOpenAI

from tests.support.gateway import MODEL, RunningGateway


@pytest.fixture
async def client(gateway: RunningGateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key=gateway.key.api_key, base_url=f"{gateway.url}/v1", max_retries=0) as sdk:
        yield sdk


async def test_a_chat_completion(client: AsyncOpenAI) -> None:
    completion = await client.chat.completions.create(
        model=MODEL,
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "a b c"}]},
        ],
        max_completion_tokens=20,
        temperature=0.2,
        top_p=0.9,
        stop=["\n"],
        seed=7,
        n=1,
        user="ann",
        metadata={"a": "b"},
    )

    assert completion.choices[0].message.content == "abc"
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert completion.usage.total_tokens == 10
    assert completion._request_id


async def test_an_answer_can_be_sent_back_as_it_came(client: AsyncOpenAI) -> None:
    first = await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "a b"}])
    said = first.choices[0].message
    second = await client.chat.completions.create(
        model=MODEL,
        messages=[
            {"role": "user", "content": "a b"},
            said.model_dump(),  # type: ignore[list-item]
            {"role": "user", "content": "c d"},
        ],
    )

    assert second.choices[0].message.content == "cd"


async def test_a_streamed_chat_completion(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "a b c"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "abc"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None


async def test_the_streaming_helper(client: AsyncOpenAI) -> None:
    async with client.chat.completions.stream(model=MODEL, messages=[{"role": "user", "content": "a b c"}]) as stream:
        async for _ in stream:
            pass
        final = await stream.get_final_completion()

    assert final.choices[0].message.content == "abc"


async def test_models(client: AsyncOpenAI) -> None:
    listed = [model.id async for model in client.models.list()]
    one = await client.models.retrieve("other/model")

    assert listed == [MODEL, "other/model"]
    assert one.owned_by == "other"


async def test_errors_arrive_as_the_sdks_own(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as no_model:
        await client.chat.completions.create(model="none", messages=[{"role": "user", "content": "a"}])
    with pytest.raises(openai.BadRequestError) as no_bias:
        await client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "a"}], logit_bias={"50256": -100}
        )
    with pytest.raises(openai.InternalServerError) as failed:
        await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "fail"}])
    with pytest.raises(openai.AuthenticationError):
        await client.with_options(api_key="wrong").models.list()

    assert (no_model.value.code, no_model.value.param) == ("model_not_found", "model")
    assert no_bias.value.param == "logit_bias"
    assert failed.value.request_id


async def test_conversations(client: AsyncOpenAI) -> None:
    created = await client.conversations.create(metadata={"a": "b"})
    updated = await client.conversations.update(created.id, metadata={"c": "d"})
    shown = await client.conversations.retrieve(created.id)
    added = await client.conversations.items.create(created.id, items=[{"role": "user", "content": "Why?"}])
    item = await client.conversations.items.retrieve(str(added.data[0].id), conversation_id=created.id)
    listed = [each.id async for each in client.conversations.items.list(created.id, order="asc")]
    without = await client.conversations.items.delete(str(item.id), conversation_id=created.id)
    deleted = await client.conversations.delete(created.id)

    assert shown == updated
    assert (item.type, listed, without.id) == ("message", [item.id], created.id)
    assert (created.metadata, updated.metadata) == ({"a": "b"}, {"c": "d"})
    assert (deleted.deleted, deleted.object) == (True, "conversation.deleted")
