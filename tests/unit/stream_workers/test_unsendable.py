"""What cannot be sent to the model server ends a job at once: it will be the same at every further try."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from text_generation.types import Grammar, GrammarType, Parameters

from infra.settings import TgiSettings
from producers.conversations.recent import History
from producers.events import AnswerFormat, PromptSubmitted, Tool
from producers.jobs.lease import Tried
from producers.moderation import Moderator
from producers.settings import ModerationSettings
from stream_workers.inference.ahead import Ahead
from stream_workers.inference.answering import Answering, Trail
from stream_workers.inference.endings import Unanswered
from stream_workers.inference.parameters import Limits
from stream_workers.inference.tgi import Templated, Tgi
from stream_workers.inference.trouble import Trouble
from stream_workers.inference.trying import Progress
from tests.support.builders import a_prompt
from tests.support.fleets import a_fleet


def deep(levels: int) -> list[Any]:
    made: list[Any] = []
    for _ in range(levels):
        made = [made]
    return made


def schema(**of_a: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": {"type": "string", **of_a}}}


@pytest.fixture
async def nowhere() -> AsyncIterator[Tgi]:
    model = Tgi(TgiSettings(url="http://127.0.0.1:1"))
    yield model
    await model.close()


async def test_what_no_json_can_be_made_of_is_refused_before_anybody_is_called(nowhere: Tgi) -> None:
    parameters = Parameters(grammar=Grammar(type=GrammarType.Json, value=schema(default=deep(300))))
    told = [each async for each in nowhere.generate("Why?", parameters)]
    offered = await nowhere.template("m", (), (Tool("f", None, schema(default=deep(3000))),))

    (refused,) = told
    assert isinstance(refused, Trouble)
    assert isinstance(offered, Trouble)
    assert (refused.kind, offered.kind) == ("refused", "refused")


@pytest.mark.parametrize(
    ("prompt", "param"),
    [
        (a_prompt(format=AnswerFormat({"properties": {"a": {"type": [["x"]]}}})), "response_format"),
        (a_prompt(tools=(Tool("f", None, {"$defs": 5}),)), "tools"),
    ],
)
async def test_a_prompt_of_which_no_grammar_can_be_made_costs_no_further_try(
    prompt: PromptSubmitted, param: str
) -> None:
    answering = an_answering()
    progress = Progress(*[lambda *_: None] * 4)  # type: ignore[arg-type] # nobody listens
    told = await answering.answer(prompt, History(), cast("Any", None), progress, Ahead(), Tried(), Trail())

    assert isinstance(told, Unanswered)
    assert (told.error.type, told.error.param, told.exhausted) == ("invalid_request_error", param, None)


class Templating:
    """A model server that is asked for no more than a template."""

    async def limits(self) -> Limits:
        return Limits(100, 200, 4)

    async def template(self, *_: Any, **__: Any) -> Templated:
        return Templated("Why?", 1)

    async def healthy(self) -> bool:
        return True


def an_answering() -> Answering:
    server = Templating()
    return Answering(a_fleet(server), (0.0, 0.0), Moderator(ModerationSettings()), 4096)
