"""The example of a web service that is called back: what it asks of a gateway that will not take it now."""

import asyncio
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from gateway.client import AsyncHeadrace, ClientSettings, WrongKey
from tests.support.eventually import eventually
from tests.support.unruly_gateway import UnrulyGateway, job, refuses, says, served

SERVICE = Path(__file__).parents[4] / "examples" / "callback_service" / "service.py"


@pytest.fixture
def service() -> ModuleType:
    """The example as a module."""
    spec = importlib.util.spec_from_file_location("callback_service", SERVICE)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


async def test_a_question_waits_for_a_key_that_is_taken(
    service: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway = UnrulyGateway(submits=[refuses(401, "unknown key"), says(202, job("queued"))])
    answers = service.Answers(tmp_path / "answers.sqlite")
    async with served(gateway):
        settings = ClientSettings(url=gateway.url, api_key="sk-headrace-x")
        async with AsyncHeadrace(settings=settings) as headrace:
            app = service.create_app(headrace, answers, ("whsec_x",), "http://127.0.0.1:1")
            key = answers.ask("Who was first?")
            with pytest.raises(WrongKey):
                await service.hand_in(app, key, "Who was first?")
            assert answers.not_taken() == [(key, "Who was first?")]

            again = asyncio.create_task(service.hand_in_again(app))
            await eventually(lambda: answers.not_taken() == [], what="the question taken")
            again.cancel()
            await asyncio.gather(again, return_exceptions=True)
    answers._database.close()

    assert "unknown key" in capsys.readouterr().err
    assert [each["Idempotency-Key"] for each in gateway.headers_of("/v1/jobs")] == [f'"{key}"'] * 2
