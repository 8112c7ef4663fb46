"""Every recording of a real TGI is answered alike by both servers, and docs/tgi.md tells how many."""

import pytest

from tests.contracts.tgi.page import ENGINES, percent_alike, recorded_names, rendered, told
from tests.contracts.tgi.replay import Finding, replay, why_not_sent

ENOUGH_PERCENT = 85
PLAYED = [(engine, name) for engine in ENGINES for name in recorded_names() if not why_not_sent(engine, name)]
# May only shrink: docs/tgi.md names each, with its reason.
NOT_PLAYED = {"timed": 0, "embedded": 44}
# The whole replay is the fixture's, and the first test's that asks for it.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, Finding]]:
    return {engine: {each.name: each for each in replay(engine)} for engine in ENGINES}


@pytest.mark.parametrize(("engine", "name"), PLAYED)
def test_a_recording_is_answered_alike(found: dict[str, dict[str, Finding]], engine: str, name: str) -> None:
    assert found[engine][name].alike


def test_no_more_recordings_than_known_are_not_played_and_the_page_names_them_all() -> None:
    left_out = [(engine, name) for engine in ENGINES for name in recorded_names() if why_not_sent(engine, name)]

    assert {engine: sum(each == engine for each, _ in left_out) for engine in ENGINES} == NOT_PLAYED
    assert [each for each in left_out if f"`{each[1]}`" not in told()] == []


@pytest.mark.parametrize("engine", ENGINES)
def test_at_least_so_many_single_requests_are_sent_and_answered_alike(
    found: dict[str, dict[str, Finding]], engine: str
) -> None:
    singles = [each for each in found[engine].values() if each.route.startswith("/")]
    assert len(singles) > 200
    assert percent_alike(singles) >= ENOUGH_PERCENT


@pytest.mark.parametrize("about", ["overload and queue", "hang-up", "API key"])
def test_these_scenarios_are_all_played_on_both(found: dict[str, dict[str, Finding]], about: str) -> None:
    played = [each for engine in ENGINES for each in found[engine].values() if each.route == about]
    assert len(played) > 8
    assert [each.name for each in played if not each.alike] == []


def test_the_page_tells_what_the_replay_found(found: dict[str, dict[str, Finding]]) -> None:
    """If not: `python -m tests.contracts.tgi --write`."""
    assert told() == rendered([each for engine in ENGINES for each in found[engine].values()])
