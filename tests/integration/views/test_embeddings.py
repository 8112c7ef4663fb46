"""Embeddings are in the log: a Redis that lost everything knows again what they took today."""

from producers.events import Limits, TextsEmbedded
from producers.jobs.intake import NO_LIMITS, Intake, OverQuota
from producers.log.topics import EMBEDDINGS
from producers.state.retention import Retention
from producers.state.view import is_whole
from tests.integration.views.conftest import House, following
from tests.support.builders import CLOCK
from tests.support.eventually import eventually


async def test_what_embeddings_took_today_survives_an_emptied_redis(house: House) -> None:
    redis, prefix = house.scripts.redis, house.scripts.prefix
    intake, limits = Intake(house.scripts, Retention()), Limits(tokens_per_day=20)

    async def spent() -> int:
        return int(await redis.hget(f"{prefix}spent:{int(CLOCK.now_ms() // 86_400_000)}", "key_1") or 0)

    async with following(house.state_view()):
        for name, tokens in (("emb_1", 7), ("emb_2", 5), ("emb_1", 7)):
            event = TextsEmbedded(
                embeddings_id=name, tenant="acme", key_id="key_1", model="m", texts=1, tokens=tokens
            )  # fmt: skip
            await house.parts.publisher.publish(EMBEDDINGS, name, event)

        async def all_told() -> bool:
            return await spent() == 12 and await is_whole(house.scripts)

        await eventually(all_told, what="embeddings charged")
        await redis.flushdb()
        await eventually(all_told, what="embeddings charged again")
        beyond = await intake.hold_tokens("emb_3", ("key_1", "acme"), 9, limits, NO_LIMITS)

    assert isinstance(beyond, OverQuota)
    assert await spent() == 12, "each was charged once"
