"""The tour against gateways and receivers that come and go."""

from io import StringIO

from gateway.client.commands.tour import PROMPTS, TourPrompt, walk
from gateway.client.settings import ClientSettings
from infra.local.processes.ports import LOOPBACK, free_ports
from infra.screen import Screen
from tests.support.unruly_gateway import UnrulyGateway, hangs_up, job, served, streams

ANSWER = streams((1, "token", {"text": "Bl"}), (2, "token", {"text": "ue."}), (3, "done", job()))
CUT = streams((1, "token", {"text": "Red"}), cut=True)
ANEW = streams((4, "snapshot", {"text": "Blue"}), (5, "done", job()))


async def toured(
    gateway: UnrulyGateway, receiver: str | None, patience_s: float = 20.0
) -> tuple[list[TourPrompt], str]:
    shown = StringIO()
    async with served(gateway):
        settings = ClientSettings(url=gateway.url, api_key="sk-1", reach_s=patience_s, patience_s=patience_s)
        asked = await walk(settings, receiver, Screen(file=shown, width=100), settle_s=0.3)
    return asked, shown.getvalue()


async def test_a_receiver_that_is_away_takes_nothing_but_its_webhooks_along() -> None:
    (port,) = free_ports(1)

    asked, shown = await toured(UnrulyGateway(events=[ANSWER]), f"http://{LOOPBACK}:{port}/")

    assert [(each.answer, each.webhook, each.row) for each in asked] == [("Blue.", False, False)] * 3
    assert shown.count("\nBlue.\n") == 3


async def test_a_gateway_that_restarts_in_mid_answer_is_waited_for_and_what_is_void_is_said_to_be() -> None:
    gateway = UnrulyGateway(events=[CUT, hangs_up, ANEW])

    asked, shown = await toured(gateway, None)

    assert [each.answer for each in asked] == ["Blue."] * 3
    assert [each.webhook for each in asked] == [None] * 3
    assert "Red\n(from the start again) Blue.\n" in shown
    assert [body["input"] for body in gateway.bodies()] == list(PROMPTS)


async def test_a_prompt_that_fails_is_told_and_the_others_are_asked() -> None:
    failed = job("failed", error={"message": "it burst", "type": "x", "param": None, "code": None})

    asked, shown = await toured(UnrulyGateway(events=[streams((1, "done", failed)), ANSWER]), None)

    assert [each.answer for each in asked] == [None, "Blue.", "Blue."]
    assert "it burst" in shown
    assert asked[0].plain()["answer"] is None
