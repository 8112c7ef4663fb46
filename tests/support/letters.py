"""Dead letters for tests: buried in the real log, and read back by a view that follows it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from infra.settings import KafkaSettings, RedisSettings
from producers.events import Buried, PromptSubmitted
from producers.log import codec
from producers.log.dead_letters import Reason, bury, dead_letter, id_of
from producers.log.places import Place
from tests.integration.views.conftest import House, a_house, following
from tests.support.builders import CLOCK, a_prompt
from tests.support.eventually import eventually
from tests.support.gateway import MODEL, Answer, PlayedWorker, RunningGateway, a_gateway, a_played_worker

NONSENSE = b'{"type":"PromptSubmitted", "text": \xff'


@dataclass
class Office:
    """A gateway, the state view beside it, somebody who plays the worker, and an administrator's key."""

    gateway: RunningGateway
    house: House
    worker: PlayedWorker
    headers: dict[str, str]
    key_id: str

    async def get(self, path: str = "") -> Answer:
        """GET of what lies below the dead letters."""
        return await self.gateway.get(f"/v1/admin/dead_letters{path}", **self.headers)

    async def post(self, path: str, body: Any = None) -> Answer:
        """The same by POST."""
        return await self.gateway.post(f"/v1/admin/dead_letters{path}", body, **self.headers)

    def prompt(self, text: str = "Why?", **fields: Any) -> PromptSubmitted:
        """A prompt of the gateway's tenant and key."""
        given = {"tenant": self.gateway.tenant, "key_id": self.gateway.key.event.id, "model": MODEL}
        return a_prompt(text, **(given | fields))

    async def bury(self, value: bytes | PromptSubmitted, reason: Reason = "exhausted", **fields: Any) -> str:
        """Bury a prompt (`bare`: without its bytes), or bytes that are none; its id, once the view knows it."""
        job_id, payload = None, value
        if isinstance(value, PromptSubmitted):
            job_id, payload = value.job_id, codec.encode(value)
        topic, at = fields.pop("topic", "prompts.standard"), fields.pop("at", next(_offsets))
        kept = None if fields.pop("bare", False) else payload
        given: dict[str, Any] = {"job_id": job_id, "value": kept, "attempts": 5} | fields
        letter = dead_letter(
            Place(topic, 1, at), reason, "the model server was gone", given.pop("at_ms", CLOCK.now_ms()), **given
        )
        await bury(self.house.parts.publisher, letter)
        await self.knows(letter)
        return id_of(letter)

    async def knows(self, letter: Buried) -> None:
        """Wait until the view has the letter."""

        async def is_there() -> bool:
            return (await self.get(f"/{id_of(letter)}")).status == 200

        await eventually(is_there, within_s=45, what="the letter")


_offsets = iter(range(1_000_000))


@asynccontextmanager
async def an_office(kafka: KafkaSettings, redis_settings: RedisSettings) -> AsyncIterator[Office]:
    """All of it, on topics and keys of the test's own."""
    async with (
        a_house(kafka, redis_settings) as house,
        a_gateway(kafka, redis_settings, whole=False) as gateway,
        a_played_worker(gateway) as worker,
        following(house.state_view()),
    ):
        minted = await gateway.issue(f"{gateway.tenant}-ops", {"scopes": ("admin",)})
        headers = {"Authorization": f"Bearer {minted.api_key}"}
        yield Office(gateway, house, worker, headers, minted.event.id)


async def buried_twice(office: Office, prompt: PromptSubmitted, at: int) -> tuple[str, str]:
    """The same letter by two who both believed it theirs to bury; its ids."""
    first, second = await asyncio.gather(office.bury(prompt, at=at), office.bury(prompt, at=at))
    return first, second
