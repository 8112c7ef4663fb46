"""What embeddings take is held back under their id, and charged once, however their gateway and Redis fare."""

import pytest

from infra.errors import Unavailable
from producers.events import Limits, TextsEmbedded
from producers.jobs.intake import NO_LIMITS, OverQuota
from producers.limits.standing import Stands
from producers.log.places import Place
from producers.state.positions import Applied, Move, verdict
from producers.state.view import TOPICS
from tests.support.builders import CLOCK
from tests.support.eventually import eventually
from tests.support.filling import Filling
from tests.support.life import House

LIMITS = Limits(tokens_per_minute=200, tokens_per_day=150)
WHOSE = ("key_1", "acme")
DAY_MS = 86_400_000.0


async def spent(house: House) -> tuple[int, int]:
    """What the key and its tenant are charged today."""
    day = int(CLOCK.now_ms() // DAY_MS)
    found = await house.scripts.redis.hmget(f"{house.scripts.prefix}spent:{day}", ["key_1", "tenant/acme"])
    return int(found[0] or 0), int(found[1] or 0)


async def held(house: House, tokens: int, name: str = "emb_1", *, for_ms: int = 60_000) -> Stands | OverQuota:
    return await house.intake.hold_tokens(name, WHOSE, tokens, LIMITS, NO_LIMITS, for_ms)


async def told(house: House, tokens: int, offset: int, name: str = "emb_1", *, ago_ms: float = 0.0) -> str:
    event = TextsEmbedded(embeddings_id=name, tenant="acme", key_id="key_1", model="m", texts=1, tokens=tokens)
    call = house.view.embedded(event, Move(Place("embeddings", 0, offset), offset, 99, CLOCK.now_ms() - ago_ms))
    found = verdict(await house.scripts.run(call.name, *call.arguments))
    assert isinstance(found, Applied), found
    return found.result


async def test_tokens_are_held_in_all_once_and_only_where_they_fit(house: House) -> None:
    filling = Filling(a_minute=200)
    first, again, more, less = [await held(house, tokens) for tokens in (100, 100, 140, 120)]
    beyond, other = await held(house, 151), await held(house, 31, "emb_2")

    assert [each.key.spent for each in (first, again, more, less) if isinstance(each, Stands)] == [100, 100, 140, 120]
    assert isinstance(less, Stands)
    assert less.key.tokens is not None
    assert 80 <= less.key.tokens.left <= 80 + filling.most
    assert [each.by for each in (beyond, other) if isinstance(each, OverQuota)] == ["day", "day"]
    assert await spent(house) == (120, 120)


async def test_what_a_dead_gateway_held_returns_by_itself_and_is_charged_if_the_log_tells_of_it(house: House) -> None:
    await held(house, 100, for_ms=1)
    await held(house, 20, "emb_2")

    async def lapsed() -> bool:
        return await house.intake.give_back_lapsed() == 1

    await eventually(lapsed)
    returned = await spent(house)
    late = await told(house, 90, 0)

    assert (returned, late) == ((20, 20), "charged")
    assert await spent(house) == (110, 110)
    assert await house.intake.give_back_lapsed() == 0


async def test_what_was_given_back_and_is_in_the_log_all_the_same_is_charged(house: House) -> None:
    await held(house, 100)
    await house.intake.give_back_tokens("emb_1")
    returned = await spent(house)
    await told(house, 90, 0)

    assert returned == (0, 0)
    assert await spent(house) == (90, 90)


async def test_what_is_made_again_takes_of_the_minute_and_no_more_of_it_is_made_a_day_than_may_be_used(
    house: House,
) -> None:
    filling = Filling(a_minute=200)
    await held(house, 100)
    by_minute = [await house.intake.make_again(WHOSE, 75, LIMITS, NO_LIMITS) for _ in range(2)]
    of_tenant = [await house.intake.make_again(("key_2", "acme"), 80, NO_LIMITS, LIMITS) for _ in range(2)]

    assert isinstance(by_minute[0], Stands)
    assert by_minute[0].key.tokens is not None
    assert 25 <= by_minute[0].key.tokens.left <= 25 + filling.most
    refused = [by_minute[1], of_tenant[1]]
    assert [(each.by, each.whose) for each in refused if isinstance(each, OverQuota)] == [
        ("tokens", "key"),
        ("day", "tenant"),
    ]
    assert isinstance(of_tenant[0], Stands)
    assert await spent(house) == (100, 100)


async def test_what_the_log_told_of_is_charged_once_and_never_given_back(house: House) -> None:
    await held(house, 100, for_ms=1)
    found = [await told(house, tokens, offset) for offset, tokens in enumerate((90, 90))]
    await house.intake.give_back_tokens("emb_1")
    await held(house, 95)

    assert found == ["charged", "passed"]
    assert await house.intake.give_back_lapsed() == 0
    assert await spent(house) == (90, 90)


async def test_the_loss_of_redis_forgets_nothing_of_today(house: House) -> None:
    await held(house, 100)
    async for name in house.scripts.redis.scan_iter(f"{house.scripts.prefix}*"):
        await house.scripts.redis.delete(name)
    with pytest.raises(Unavailable):
        await held(house, 1, "emb_2")
    for topic in TOPICS:
        for partition in range(topic.partitions):
            await house.view.positions.mark_whole(topic.name, partition, is_whole=True)

    found = [
        await told(house, 90, 0), await told(house, 90, 1), await told(house, 70, 2, "emb_0", ago_ms=DAY_MS)
    ]  # fmt: skip

    assert found == ["charged", "passed", "passed"], "of yesterday's no limit asks any more"
    assert await spent(house) == (90, 90)
    assert isinstance(await held(house, 61, "emb_2"), OverQuota)
