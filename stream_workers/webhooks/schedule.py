"""The view `deliveries` in Redis: which webhooks are due, and who is at it.

It is made of topics whose order to each other is not given: `answers` and `batches` say what is to be told, and
`job.events` what the attempts came to. So a Redis that lost the schedule gets it back from the log without what was
delivered already; until all were read up to their marks, nothing is claimed.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from redis.asyncio import Redis

from infra.settings import RedisSettings
from producers.destinations import host_of
from producers.events import BatchEnded, DeliveryAttempted, Ending
from producers.log.places import Place
from producers.log.topics import ANSWERS, BATCHES, JOB_EVENTS, RETENTION_MS, VIEWS, Topic
from producers.state.positions import Move, Positions, Seek
from producers.state.scripts import Call, Library, Scripts
from stream_workers.views.records import Done, ReadRecord, Stuck, run_steps
from stream_workers.webhooks import payload
from stream_workers.webhooks.delivery import Abandoned, Delivered, Pending, Retry, Verdict
from stream_workers.webhooks.payload import Notice

NAME = VIEWS["deliver"]
TOPICS: tuple[Topic, ...] = (ANSWERS, BATCHES, JOB_EVENTS)
Outcome = Literal["delivered", "retry", "exhausted", "refused"]
PARTITIONS = sum(topic.partitions for topic in TOPICS)
LIBRARY = Library(Path(__file__).parent)


class Schedule:
    """Follows the log into the schedule, and lends out what is due."""

    topics = TOPICS

    def __init__(
        self, redis: Redis, settings: RedisSettings, delays_s: tuple[float, ...], public_url: str = ""
    ) -> None:
        self._scripts = Scripts(redis, settings, LIBRARY)
        self._first_after_ms = delays_s[0] * 1000.0
        self._public_url = public_url
        self.positions = Positions(self._scripts, NAME)
        self.news = asyncio.Event()
        """Set when a delivery was planned."""

    async def apply(self, batch: Sequence[ReadRecord]) -> Done | Seek | Stuck:
        """Apply records of one partition in their order, each with its offset.

        Raises:
            Unavailable: Redis does not answer; any of the records may be in.
        """
        outcome = await run_steps(self._scripts, [(each.move, self._step(each)) for each in batch])
        if isinstance(outcome, Done) and "planned" in outcome.results:
            self.news.set()
        return outcome

    async def claim(self, most: int, most_per_host: int, lease_s: float, busy: Mapping[str, int]) -> list[Pending]:
        """Take what is due, at most so many; `busy` says how many are under way to each host.

        Raises:
            Unavailable: Redis does not answer.
        """
        found = await self._scripts.run(
            "claim_deliveries", PARTITIONS, int(lease_s * 1000), most, most_per_host, msgspec.msgpack.encode(dict(busy))
        )
        return [_pending(each) for each in found]

    async def settle(self, delivery: Pending, verdict: Verdict) -> None:
        """Note what an attempt came to, once the log holds it.

        Raises:
            Unavailable: Redis does not answer.
        """
        outcome, next_ms = told_as(verdict)
        await self._scripts.run(
            "settle_delivery", delivery.webhook_id, delivery.attempt, outcome, next_ms or "", RETENTION_MS
        )

    def _step(self, told: ReadRecord) -> Call:
        match told.event:
            case Ending() | BatchEnded() as ended:
                notice = payload.notice_of(ended, told.move.timestamp_ms, self._public_url)  # type: ignore[arg-type] # all its classes
                return self.positions.passing(told.move) if notice is None else self._planning(notice, told.move)
            case DeliveryAttempted() as tried:
                next_ms = "" if tried.next_attempt_ms is None else f"{tried.next_attempt_ms:.3f}"
                arguments = (tried.webhook_id, tried.attempt, tried.outcome, next_ms, RETENTION_MS)
                return Call("view_outcome", (*told.move.arguments(NAME), *arguments))
            case _:
                return self.positions.passing(told.move)

    def _planning(self, notice: Notice, move: Move) -> Call:
        fields: dict[str, str | bytes | int] = {
            "url": notice.url,
            "job": notice.about,
            "tenant": notice.tenant,
            "key_id": notice.key_id,
            "topic": move.place.topic,
            "partition": move.place.partition,
            "offset": move.place.offset,
            "body": notice.body,
        }
        return Call(
            "view_answer",
            (
                *move.arguments(NAME),
                notice.webhook_id,
                notice.about,
                host_of(notice.url),
                f"{move.timestamp_ms + self._first_after_ms:.3f}",
                RETENTION_MS,
                *(part for pair in fields.items() for part in pair),
            ),
        )


def told_as(verdict: Verdict) -> tuple[Outcome, str | None]:
    """A verdict as the log and the schedule have it: the outcome, and when the next attempt is due, in ms."""
    match verdict:
        case Delivered():
            return "delivered", None
        case Retry(at_ms=at_ms):
            return "retry", f"{at_ms:.3f}"
        case Abandoned(why=why):
            return why, None


def _pending(found: Sequence[bytes]) -> Pending:
    webhook_id, attempts, url, job_id, tenant, key_id, body, topic, partition, offset = found
    return Pending(
        webhook_id=webhook_id.decode(),
        attempt=int(attempts) + 1,
        url=url.decode(),
        job_id=job_id.decode(),
        tenant=tenant.decode(),
        key_id=key_id.decode(),
        body=body,
        origin=Place(topic.decode(), int(partition), int(offset)),
    )
