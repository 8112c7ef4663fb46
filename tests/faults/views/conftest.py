"""The house of the views, with their processes as children to kill."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from infra.settings import Block, CommonSettings
from stream_workers.views.settings import ViewSettings
from tests.integration.views.conftest import House, a_house, house
from tests.support.processes import a_process
from tests.support.stack import RunningPart

__all__ = ["a_house", "house"]

SECRET_KEY = "a key for tests only, long enough"

Start = Callable[..., RunningPart]


@pytest.fixture
async def start(house: House, tmp_path: Path) -> AsyncIterator[Start]:
    """Prepare a process of ours over the house's parts; it ends with the test."""
    begun: list[RunningPart] = []

    def prepare(command: str, *settings: Block) -> RunningPart:
        views, common = ViewSettings(instance="test", session_timeout_s=6.0), CommonSettings(secret_key=SECRET_KEY)
        part = a_process(tmp_path, command, house.parts.kafka, house.parts.redis_settings, views, common, *settings)
        begun.append(part)
        return part

    yield prepare
    for each in begun:
        await each.stopped()
