"""What a turn costs Redis does not grow with its conversation, and what is shown of a long one is what fits."""

import random
from typing import Any, cast

import pytest

from infra.settings import RedisSettings
from producers.conversations.past import Past
from producers.conversations.recent import History
from producers.conversations.turns import Turn
from producers.events import ConversationCreated, ItemsAdded, ItemsDeleted, Limits, Message
from producers.jobs.intake import Accepted, Intake, NotAccepted
from producers.jobs.lease import Leases, Parked
from producers.jobs.settling import Settling
from producers.log.places import Place
from producers.state.positions import Move
from producers.state.retention import Retention
from producers.state.scripts import STATE, Call, Library, Scripts, asked
from tests.support.builders import CLOCK, a_completed, a_failed, a_prompt
from tests.support.life import House, claimed
from tests.support.talk import read_before, said_in, turns_of
from tests.support.views import applied

ABOUT: dict[str, Any] = {"conversation": "conv_1", "tenant": "acme"}
GENEROUS = Limits(requests_per_minute=10_000, tokens_per_day=10_000_000)
COUNTING = """
local plain = redis
local redis = setmetatable({ call = function(...)
  local found = plain.call(...)
  plain.call('HINCRBY', ARGV[1] .. 'counted', 'commands', 1)
  if type(found) == 'table' then plain.call('HINCRBY', ARGV[1] .. 'counted', 'elements', #found) end
  return found
end }, { __index = plain })
"""


class CountingLibrary(Library):
    """The same scripts, which count what they ask of Redis and how much they read."""

    def __init__(self) -> None:
        """Take them over."""

    def source(self, name: str) -> str:
        """A script that counts."""
        return COUNTING + STATE.source(name)


async def opened(house: House) -> None:
    await house.conversations.open(ConversationCreated(**ABOUT, at_ms=CLOCK.now_ms()))


async def grown(scripts: Scripts, since: int, many: int, after: int = -1) -> None:
    """So many additions of one message each."""
    calls = [
        Call("add_items", ("conv_1", "acme", b'[{"role":"user","content":"x"}]', after, offset, 10**9, ""))
        for offset in range(since, since + many)
    ]
    for at in range(0, many, 200):
        answers = await scripts.run_many(calls[at : at + 200])
        assert not [each for each in answers if isinstance(each, Exception)]


async def test_a_turn_costs_redis_no_more_behind_twenty_thousand_additions(
    house: House, redis_settings: RedisSettings
) -> None:
    await opened(house)
    counting = Scripts(house.scripts.redis, redis_settings, CountingLibrary())
    intake, leases = Intake(counting, Retention()), Leases(counting, Retention(), "worker-3")
    settling = Settling(counting, Retention())

    async def cost(place: int) -> int:
        """Of one turn, from its submit to its end."""
        await house.scripts.redis.delete(f"{house.scripts.prefix}counted")
        prompt = a_prompt(conversation="conv_1")
        assert isinstance(await intake.accept(prompt, GENEROUS), Accepted)
        await intake.acknowledge(prompt.job_id, "conv_1", place)
        await claimed(leases, prompt, place)
        await settling.settle(a_failed(prompt), 0, place, CLOCK.now_ms())
        found = await asked(house.scripts.redis.hmget(f"{house.scripts.prefix}counted", "commands", "elements"))
        return sum(int(each) for each in found)

    await grown(house.scripts, 0, 10)
    await cost(1)
    short = await cost(2)
    await grown(house.scripts, 10, 19_990)
    long = await cost(3)

    # Each new job looks after three of those on its tenant's list, which has become longer.
    assert long <= short + 4
    assert short < 250


async def test_one_turn_behind_a_long_conversation_is_read_from_its_end(house: House) -> None:
    await opened(house)
    await grown(house.scripts, 0, 300)
    past, seen = Past(house.scripts, "conv_1", at_once=20), list[str]()
    turns = past._turns

    async def watched(names: Any) -> tuple[Turn, ...]:
        seen.extend(names)
        return await turns(names)

    past._turns = watched  # type: ignore[method-assign]
    found = await past.history(None, None, most_bytes=10)

    assert found is not None
    assert (found.left_out, found.last_is_cut) == (300 - 20, True)
    assert len(seen) == 20


@pytest.mark.parametrize("seed", range(5))
async def test_what_is_read_from_the_end_is_what_all_of_it_would_show(house: House, seed: int) -> None:
    await opened(house)
    chance = random.Random(seed)
    for at in range(60):
        roles = chance.choice(
            [["user"], ["assistant"], ["user", "assistant"], ["system"], ["system", "user", "assistant"]]
        )
        said = tuple(Message(each, chance.choice("abc") * chance.randint(1, 9)) for each in roles)
        await house.conversations.add(ItemsAdded(**ABOUT, messages=said, after=chance.choice([-1, 4])), at)
    turns = await turns_of(house.conversations, "conv_1")
    items = [item.id for turn in turns for item in turn.items()]
    await house.conversations.leave_out(ItemsDeleted(**ABOUT, items=tuple(chance.sample(items, 5))))
    turns = await turns_of(house.conversations, "conv_1")
    for most_bytes in (5, 30, 60, 100_000):
        found = await Past(house.scripts, "conv_1", at_once=chance.randint(1, 9)).history(None, None, most_bytes)
        all_of_it = read_before(turns, most_bytes=most_bytes)

        assert found is not None
        assert all_of_it is not None
        for own in ((Message("user", "next"),), (Message("tool", "31", tool_call_id="call_1"),)):
            assert messages(found.ahead_of(own)) == messages(all_of_it.ahead_of(own))
        assert (found.is_whole, found.last_is_cut) == (all_of_it.is_whole, all_of_it.last_is_cut)


def messages(found: History | None) -> tuple[Message, ...] | None:
    return None if found is None else found.messages


async def test_what_was_added_is_told_in_pages_each_once_in_its_order(house: House) -> None:
    await opened(house)
    await grown(house.scripts, 0, 25)
    await grown(house.scripts, 25, 25, after=3)
    prompts = [a_prompt(conversation="conv_1") for _ in range(5)]
    for place, prompt in enumerate(prompts):
        await claimed(house.leases, prompt, place)
        await house.settling.settle(a_completed(prompt), 0, place, CLOCK.now_ms())
    added = [f"added:{at:016}" for at in range(50)]
    order = [*added[:25], *(each.job_id for each in prompts[:4]), *added[25:], prompts[4].job_id]

    for at_once in (1, 7, 50):
        past = Past(house.scripts, "conv_1", at_once)
        assert [turn.job_id async for some in past.told(newest_first=False) for turn in some] == order
        assert [turn.job_id async for some in past.told(newest_first=True) for turn in some] == order[::-1]


async def test_a_full_conversation_takes_no_more_turns_and_loses_nothing(house: House) -> None:
    await opened(house)
    intake = Intake(house.scripts, Retention(), conversation_bytes=1_000)
    first = a_prompt(conversation="conv_1")
    assert isinstance(await intake.accept(first, GENEROUS), Accepted)
    await house.conversations.add(ItemsAdded(**ABOUT, messages=(Message("user", "x" * 1_000),)), 0)
    await claimed(house.leases, first, 0)
    await house.settling.settle(a_completed(first), 0, 0, CLOCK.now_ms())
    full = await intake.accept(a_prompt(conversation="conv_1"), GENEROUS)
    found = await house.conversations.read("conv_1")

    assert full == NotAccepted("full")
    assert len(await said_in(house.conversations, "conv_1") or ()) == 3
    assert found is not None
    assert found.size_bytes > 1_000


@pytest.mark.parametrize("is_read", [False, True])
async def test_thousands_of_items_are_deleted_at_once(house: House, *, is_read: bool) -> None:
    await opened(house)
    items = tuple(f"fco_{at}" for at in range(8_001))
    event = ItemsDeleted(**ABOUT, items=items)
    if is_read:
        await applied(house.scripts, event, Move(Place("conversations", 0, 0), 0, 1, 1.0))
    else:
        await house.conversations.leave_out(event)

    assert await house.scripts.redis.scard(f"{house.scripts.prefix}conversation:conv_1:gone") == len(items)


async def test_what_an_older_version_kept_is_put_in_order(house: House) -> None:
    """Its additions stood among the turns, and nothing was counted."""
    await opened(house)
    home, redis = f"{house.scripts.prefix}conversation:conv_1", cast("Any", house.scripts.redis)
    first, second, third = (a_prompt(conversation="conv_1", reserved_tokens=10) for _ in range(3))
    await claimed(house.leases, first, 4)
    await house.settling.settle(a_completed(first), 0, 0, CLOCK.now_ms())
    for offset, (after, role) in enumerate(((-1, "system"), (4, "user"), (4, "user"))):
        said = (Message(role, f"{offset}"),)
        await house.conversations.add(ItemsAdded(**ABOUT, messages=said, after=after, added=f"added_{offset}"), offset)
    await claimed(house.leases, second, 9)
    counted = await redis.hmget(home, "newest", "since", "bytes")
    turns = await turns_of(house.conversations, "conv_1")
    await redis.hdel(home, "newest", "since", "bytes")
    await redis.zadd(f"{home}:turns", dict(await redis.zrange(f"{home}:added", 0, -1, withscores=True)))
    await redis.delete(f"{home}:added", f"{home}:gaps", f"{home}:instructed")

    read_first = await turns_of(house.conversations, "conv_1")
    counted_anew = await redis.hmget(home, "newest", "since", "bytes")
    # A gateway of that version adds one more, while others are of this one.
    await redis.zadd(f"{home}:turns", {"added:0000000000000007": 9.5})
    await redis.hset(f"{home}:texts", "added:0000000000000007", b'[{"role":"user","content":"late"}]')
    behind = await house.other.claim(third, 12)

    assert [each.job_id for each in read_first] == [each.job_id for each in turns]
    assert counted_anew == counted
    assert behind == Parked("behind", 0.25)
    assert await redis.zrange(f"{home}:turns", 0, -1) == [each.job_id.encode() for each in (first, second, third)]
    assert await redis.zcard(f"{home}:instructed") == 1
