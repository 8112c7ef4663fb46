"""What is prepared for a prompt while its claim is under way."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from text_generation.types import Parameters

from producers.moderation import Moderator
from producers.settings import ModerationSettings
from stream_workers.inference.answering import Answering
from stream_workers.inference.fleet import Seat
from stream_workers.inference.parameters import Limits
from stream_workers.inference.tgi import End, Templated, Token
from stream_workers.inference.trouble import Trouble
from tests.support.builders import a_prompt
from tests.support.fleets import a_fleet


class Counting:
    """A model server that counts how often it is asked for a template; `gone` is what it has of that first."""

    def __init__(self, gone: Trouble | None = None) -> None:
        self.templates = 0
        self.begun, self.may_go_on = asyncio.Event(), asyncio.Event()
        self._gone = gone

    async def healthy(self) -> bool:
        return True

    async def limits(self) -> Limits:
        return Limits(100, 200, 4)

    async def template(self, *_: Any, **__: Any) -> Templated | Trouble:
        self.templates += 1
        self.begun.set()
        await self.may_go_on.wait()
        gone, self._gone = self._gone, None
        return gone or Templated("Why?", 1)

    async def generate(self, _inputs: str, _parameters: Parameters) -> AsyncGenerator[Token | End | Trouble, None]:
        yield Token("So.")
        yield End("stop", 1)


def answering(server: Counting, *delays_s: float) -> Answering:
    return Answering(a_fleet(server), delays_s, Moderator(ModerationSettings()), 4096)


def a_seat(server: Counting) -> Seat:
    seat = a_fleet(server).seat()
    assert seat is not None
    return seat


async def test_a_prompt_is_under_the_template_before_its_claim_is_there_and_only_once() -> None:
    server = Counting()
    server.may_go_on.set()
    ahead = answering(server).ahead(a_prompt())

    ahead.begin(a_seat(server))
    await server.begun.wait()
    first, second = await ahead.take(), await ahead.take()

    assert first is not None
    assert not isinstance(first, Trouble)
    assert await first.prompting.templated(offering=False) == Templated("Why?", 1)
    assert second is None
    assert server.templates == 1


async def test_trouble_on_the_way_ahead_is_told_as_that_of_a_try() -> None:
    server = Counting(Trouble("gone", "the model server fell silent"))
    server.may_go_on.set()
    ahead = answering(server).ahead(a_prompt())
    ahead.begin(a_seat(server))

    assert isinstance(await ahead.take(), Trouble)


async def test_what_nobody_takes_is_given_up() -> None:
    server = Counting()
    ahead = answering(server).ahead(a_prompt())
    before = asyncio.all_tasks()
    ahead.begin(a_seat(server))
    await server.begun.wait()

    ahead.stop()
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert asyncio.all_tasks() <= before


async def test_nothing_is_prepared_of_a_turn_whose_history_is_not_known_yet() -> None:
    server = Counting()
    ahead = answering(server).ahead(a_prompt(conversation="conv_1"))
    ahead.begin(a_seat(server))

    assert await ahead.take() is None
    assert server.templates == 0
