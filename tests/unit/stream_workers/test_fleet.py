"""Each prompt has a seat at the least loaded of the servers that can be reached."""

import pytest

from stream_workers.inference.fleet import Fleet, Server, name_of
from stream_workers.inference.parameters import Limits
from stream_workers.inference.trouble import Trouble
from tests.support.fleets import a_server


class Small:
    """A server that takes so many prompts at a time, and is never healthy again."""

    def __init__(self, most: int) -> None:
        self._most = most

    async def limits(self) -> Limits:
        return Limits(100, 200, 4, self._most)

    async def healthy(self) -> bool:
        return False


async def a_fleet_of(*most: int, slots: int = 100) -> Fleet:
    servers = [a_server(Small(each), name=f"tgi-{number}") for number, each in enumerate(most)]
    for each in servers:
        await each.limits()
    return Fleet(servers, slots)


def under_way(fleet: Fleet) -> list[int]:
    return [each.under_way for each in fleet.servers]


async def lose(server: Server) -> None:
    server.reach.lost("refused")
    await server.reach.close()


async def test_prompts_are_spread_by_how_much_of_each_server_is_in_use() -> None:
    fleet = await a_fleet_of(2, 6)

    seats = [fleet.seat() for _ in range(8)]

    assert all(seats)
    assert (under_way(fleet), fleet.size) == ([2, 6], 8)


async def test_the_server_that_failed_a_prompt_is_avoided_while_another_has_room() -> None:
    fleet = await a_fleet_of(2, 1)
    first, second = fleet.servers

    found = [fleet.seat(avoided=first) for _ in range(3)]

    assert [each and each.server for each in found] == [second, first, first]


async def test_a_server_that_is_lost_costs_the_others_no_slot_and_all_lost_leave_none() -> None:
    fleet = await a_fleet_of(4, 4)
    told: list[int] = []
    fleet.tell(told.append)
    seats = [fleet.seat() for _ in range(4)]
    first, second = fleet.servers

    await lose(first)
    found = fleet.seat()
    with_one = fleet.size
    for each in (*seats, found):
        assert each is not None
        each.leave()
        each.leave()
    await lose(second)

    assert found is not None
    assert found.server is second
    assert with_one == 4 + 2, "four at the one, and those that are still at the other"
    assert (told[0], told[-1], fleet.size, fleet.seat()) == (8, 0, 0, None)


async def test_no_more_seats_are_taken_than_the_worker_may() -> None:
    assert (await a_fleet_of(100, 100, slots=32)).size == 32


async def test_trouble_that_says_nothing_of_the_server_loses_nobody() -> None:
    fleet = await a_fleet_of(4)
    seat = fleet.seat()
    assert seat is not None

    seat.troubled(Trouble("failed", "nan"))
    stays = fleet.servers[0].seats
    seat.troubled(Trouble("gone", "refused"))
    await fleet.servers[0].reach.close()

    assert (stays, fleet.servers[0].seats) == (4, 0)


@pytest.mark.parametrize(
    ("url", "name"),
    [("http://tgi:8080", "tgi:8080"), ("https://me:secret@tgi-1/behind", "tgi-1/behind")],
)
def test_a_servers_name_says_where_it_is_and_not_how_one_gets_in(url: str, name: str) -> None:
    assert name_of(url) == name


async def test_a_server_that_garbles_its_answers_is_left_alone_and_then_given_one_prompt() -> None:
    fleet = await a_fleet_of(4, 4)
    bad = fleet.servers[0]
    for _ in range(5):
        bad.troubled(Trouble("garbled", "what is that?"))
    away, seat = bad.state, fleet.seat()
    await bad.reach.close()
    bad.reach.back()
    on_trial = (bad.state, bad.seats, fleet.size)
    bad.answered()

    assert away == "away"
    assert seat is not None
    assert seat.server is fleet.servers[1]
    assert on_trial == ("on trial", 1, 5)
    assert (bad.state, bad.seats) == ("there", 4)


async def test_a_server_that_refuses_is_given_no_more_than_it_takes() -> None:
    fleet = await a_fleet_of(100, slots=20)
    seats = [seat for _ in range(20) if (seat := fleet.seat())]
    for each in seats[8:]:
        each.troubled(Trouble("busy", "overloaded"))
        each.leave()

    assert fleet.size == fleet.servers[0].seats == 8
