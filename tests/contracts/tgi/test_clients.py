"""The clients that people use with TGI work against both servers: `text-generation` and `huggingface_hub`."""

import json
from collections.abc import Iterator

import pytest
import text_generation
from huggingface_hub import (
    AsyncInferenceClient,
    ChatCompletionInputTool,
    InferenceClient,
    TextGenerationInputGrammarType,
)
from huggingface_hub.errors import ValidationError as HuggingFaceValidationError
from text_generation.errors import ValidationError
from text_generation.types import Grammar, GrammarType

from tests.support.model_servers import ModelServer, model_server

# text-generation still calls what pydantic has renamed.
pytestmark = pytest.mark.filterwarnings("ignore:The `dict` method is deprecated:DeprecationWarning")

QUESTION = "The capital of France is"
MESSAGES = [{"role": "user", "content": "Is it raining in Paris?"}]
PLACE = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 10}}, "required": ["city"]}
WEATHER = ChatCompletionInputTool(
    function={"name": "weather", "description": "the weather of a city", "parameters": PLACE}, type="function"
)


@pytest.fixture(scope="module", params=["timed", "embedded"])
def server(request: pytest.FixtureRequest) -> Iterator[ModelServer]:
    with model_server(*(["--timed"] if request.param == "timed" else [])) as server:
        yield server


def test_text_generation_generates(server: ModelServer) -> None:
    answer = text_generation.Client(server.url).generate(QUESTION, max_new_tokens=5, decoder_input_details=True)
    assert answer.details.generated_tokens == 5
    assert "".join(each.text for each in answer.details.tokens) == answer.generated_text
    assert "".join(each.text for each in answer.details.prefill) == QUESTION


def test_text_generation_streams(server: ModelServer) -> None:
    events = list(text_generation.Client(server.url).generate_stream(QUESTION, max_new_tokens=5))
    assert len(events) == 5
    assert "".join(each.token.text for each in events) == events[-1].generated_text
    assert events[-1].details.finish_reason == "length"


def test_text_generation_raises_its_own_error_for_a_refusal(server: ModelServer) -> None:
    with pytest.raises(ValidationError, match="top_n_tokens"):
        text_generation.Client(server.url).generate(QUESTION, top_n_tokens=6)


async def test_text_generation_streams_asynchronously(server: ModelServer) -> None:
    client = text_generation.AsyncClient(server.url)
    events = [each async for each in client.generate_stream(QUESTION, max_new_tokens=4)]
    assert [each.token.text for each in events if each.token.special] == []
    assert events[-1].generated_text is not None


def test_text_generation_chats(server: ModelServer) -> None:
    answer = text_generation.Client(server.url).chat(messages=[{"role": "user", "content": "Hi"}], max_tokens=5)
    assert answer.choices[0].message.content
    assert answer.usage["completion_tokens"] == 5


def test_hugging_face_generates_and_streams(server: ModelServer) -> None:
    client = InferenceClient(base_url=server.url)
    whole = client.text_generation(QUESTION, max_new_tokens=5, return_full_text=False)
    assert client.text_generation(QUESTION, max_new_tokens=5) == QUESTION + whole
    pieces = list(client.text_generation(QUESTION, max_new_tokens=5, stream=True))
    assert len(pieces) == 5
    assert "".join(pieces) == whole


def test_hugging_face_tells_the_details(server: ModelServer) -> None:
    events = list(
        InferenceClient(base_url=server.url).text_generation(QUESTION, max_new_tokens=3, stream=True, details=True)
    )
    assert events[-1].details is not None
    assert events[-1].details.generated_tokens == 3


def test_hugging_face_chats_and_streams(server: ModelServer) -> None:
    client = InferenceClient(base_url=server.url)
    messages = [{"role": "user", "content": "Hi"}]
    whole = client.chat_completion(messages, max_tokens=5, temperature=0)
    chunks = list(client.chat_completion(messages, max_tokens=5, temperature=0, stream=True))
    told = [each.choices[0].delta.content or "" for each in chunks]
    assert "".join(told) == whole.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == "length"


def test_hugging_face_calls_a_tool(server: ModelServer) -> None:
    answer = InferenceClient(base_url=server.url).chat_completion(
        MESSAGES, tools=[WEATHER], tool_choice="required", max_tokens=60, temperature=0
    )
    calls = answer.choices[0].message.tool_calls or []
    assert [each.function.name for each in calls] == ["weather"]
    assert "city" in calls[0].function.arguments


async def test_text_generation_generates_and_chats_asynchronously(server: ModelServer) -> None:
    client = text_generation.AsyncClient(server.url)
    answer = await client.generate(QUESTION, max_new_tokens=4, seed=7, do_sample=True, top_n_tokens=2)
    assert (answer.details.generated_tokens, answer.details.seed) == (4, 7)
    assert [len(each) for each in answer.details.top_tokens or []] == [2, 2, 2, 2]
    told = await client.chat(messages=MESSAGES, max_tokens=4)
    assert told.choices[0].finish_reason == "length"


def test_text_generation_follows_a_grammar(server: ModelServer) -> None:
    grammar = Grammar(type=GrammarType.Json, value=PLACE)
    answer = text_generation.Client(server.url).generate(QUESTION, max_new_tokens=40, grammar=grammar)
    assert list(json.loads(answer.generated_text)) == ["city"]


def test_hugging_face_follows_a_grammar(server: ModelServer) -> None:
    client = InferenceClient(base_url=server.url)
    grammar = TextGenerationInputGrammarType(type="json", value=PLACE)
    assert list(
        json.loads(client.text_generation(QUESTION, max_new_tokens=40, grammar=grammar, return_full_text=False))
    )
    form = {"response_format": {"type": "regex", "value": "[0-9]{3}"}}  # its own class knows OpenAI's forms only
    answer = client.chat_completion(MESSAGES, max_tokens=9, temperature=0, extra_body=form)
    assert answer.choices[0].message.content


def test_hugging_face_raises_its_own_error_for_a_refusal(server: ModelServer) -> None:
    client = InferenceClient(base_url=server.url)
    with pytest.raises(HuggingFaceValidationError, match="top_p"):
        client.text_generation(QUESTION, top_p=1.0)
    with pytest.raises(HuggingFaceValidationError, match="top_p"):
        list(client.text_generation(QUESTION, top_p=1.0, stream=True))


async def test_hugging_face_streams_and_calls_tools_asynchronously(server: ModelServer) -> None:
    async with AsyncInferenceClient(base_url=server.url) as client:
        pieces = [each async for each in await client.text_generation(QUESTION, max_new_tokens=3, stream=True)]
        assert len(pieces) == 3
        chunks = await client.chat_completion(
            MESSAGES, tools=[WEATHER], tool_choice="required", max_tokens=60, temperature=0, stream=True
        )
        calls = [(each.choices[0].delta.tool_calls or [])[0].function async for each in chunks]
    assert calls[0].name == "weather"
    assert list(json.loads("".join(each.arguments or "" for each in calls))) == ["city"]
