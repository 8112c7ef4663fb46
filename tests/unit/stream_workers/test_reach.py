"""What becomes of a prompt whose model server is away, hangs up, or is there again."""

from typing import Any

import pytest

from producers.conversations.recent import History
from producers.jobs.lease import Tried
from producers.moderation import Moderator
from producers.settings import ModerationSettings
from stream_workers.inference.ahead import Ahead
from stream_workers.inference.answering import Answering, Trail
from stream_workers.inference.endings import Answered, Later, Unanswered, failure
from stream_workers.inference.reach import Reach
from stream_workers.inference.trouble import Kind, Trouble
from tests.support.builders import a_prompt
from tests.support.fleets import a_fleet

SECRET = "Cannot connect to host 10.1.2.3:8080"


class Away:
    """A model server of which nothing but trouble comes."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    async def limits(self) -> Trouble:
        return Trouble(self._kind, SECRET)


class Doctor:
    """Says of the server that it is healthy, the third time it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def healthy(self) -> bool:
        self.asked += 1
        return self.asked == 3


async def answered(kind: Kind, tried: Tried, reach: Reach) -> Answered | Unanswered | Later:
    answering = Answering(a_fleet(Away(kind), reach), (0.0, 0.0), Moderator(ModerationSettings()), 4096)
    nobody: Any = None
    return await answering.answer(a_prompt(), History(), nobody, nobody, Ahead(), tried, Trail())


async def test_jobs_wait_until_the_server_is_healthy() -> None:
    doctor = Doctor()
    reach = Reach(doctor.healthy, (0.001, 0.001))
    reach.lost("refused")
    reach.lost("refused")
    before = reach.is_there

    await reach.there()

    assert (before, reach.is_there, doctor.asked) == (False, True, 3)
    await reach.close()


async def test_a_server_that_takes_no_connection_costs_no_try_however_often() -> None:
    reach = Reach(Doctor().healthy)

    found = [await answered("gone", Tried(), reach) for _ in range(9)]

    assert found == [Later()] * 9
    assert not reach.is_there
    await reach.close()


async def test_a_prompt_that_ends_the_server_again_and_again_fails_and_names_no_address() -> None:
    each_time, tried = [Reach(Doctor().healthy) for _ in range(3)], Tried()

    for reach in each_time[:2]:
        later = await answered("away", tried, reach)
        assert isinstance(later, Later)
        assert later.tried is not None
        tried = later.tried
    last = await answered("away", tried, each_time[2])

    assert tried.times == 2
    assert isinstance(last, Unanswered)
    assert last.exhausted is not None
    assert (last.error.code, last.error.message) == ("model_unreachable", "The model server cannot be reached.")
    for reach in each_time:
        await reach.close()


@pytest.mark.parametrize("kind", ["gone", "away", "cut", "garbled", "denied"])
async def test_no_trouble_of_ours_is_told_in_its_own_words(kind: Kind) -> None:
    assert SECRET not in failure(Trouble(kind, SECRET), a_prompt()).message
