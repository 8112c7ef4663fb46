"""How long is waited before a gateway is asked again."""

import asyncio

import pytest

from gateway.client.patience import Contact, Patience
from gateway.client.settings import ClientSettings


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Every pause that was made, in seconds, none of which is waited for."""
    pauses: list[float] = []

    async def sleep(pause_s: float) -> None:
        pauses.append(pause_s)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return pauses


async def test_what_a_gateway_asks_for_is_heeded_within_reason(slept: list[float]) -> None:
    patience = Patience(Contact(ClientSettings(url="http://127.0.0.1:1"), lambda _: None))

    for asked_s in (0.0, 2.0, 1e9, float("inf")):
        await patience.pause("refuses", asked_s)

    assert slept[0] >= 0.1
    assert slept[1:] == [2.0, 60.0, 60.0]


async def test_a_limit_that_is_endured_is_asked_about_less_and_less_often(slept: list[float]) -> None:
    patience = Patience(Contact(ClientSettings(url="http://127.0.0.1:1", reach_s=9), lambda _: None))

    for _ in range(7):
        patience.endure()
        await patience.pause("refuses", 0.0)

    assert slept[-1] > 3
