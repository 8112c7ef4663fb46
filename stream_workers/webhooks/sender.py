"""Claims the webhooks that are due and sends them, several at once.

Attempt, then `DeliveryAttempted` in the log, then the schedule: whoever dies in between leaves a lease that lapses, and
the webhook goes out once more under the same id.
"""

import asyncio
import logging
import secrets
from collections import Counter

from infra import signing
from infra.clock import Clock
from infra.errors import Unavailable, WrongSetting
from infra.sealing import Seal
from infra.telemetry.metrics import Metrics
from producers.access.registry import Registry
from producers.destinations import host_of
from producers.events import DeliveryAttempted
from producers.log.dead_letters import bury, dead_letter
from producers.log.publisher import Publisher
from producers.log.topics import JOB_EVENTS
from producers.settings import WebhookSettings
from stream_workers.webhooks.delivery import (
    Abandoned,
    Delivered,
    NotAllowed,
    Pending,
    Replied,
    Result,
    Unreached,
    Verdict,
    judge,
)
from stream_workers.webhooks.outbound import Outbound
from stream_workers.webhooks.schedule import Schedule, told_as

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.25
FINISH_S = 5.0
KEY_PATIENCE_S = 3.0


class Signers:
    """The secret with which each key's webhooks are signed."""

    def __init__(self, registry: Registry, seal: Seal) -> None:
        self._registry = registry
        self._seal = seal

    async def secret_of(self, key_id: str) -> str | NotAllowed | Unreached:
        """The secret of a key; a key that was made a moment ago may not be known yet, so it is waited for.

        Raises:
            WrongSetting: it was sealed under another HEADRACE_SECRET_KEY.
        """
        if key_id in self._registry.revoked:
            return NotAllowed(f"the key {key_id} was revoked: nobody can sign for it")
        deadline_s = asyncio.get_running_loop().time() + KEY_PATIENCE_S
        while (key := self._registry.keys.get(key_id)) is None:
            if asyncio.get_running_loop().time() > deadline_s:
                return Unreached(f"the key {key_id} is not known: nobody can sign for it")
            await asyncio.sleep(LOOK_EVERY_S)
        return self._seal.unseal(key.webhook_secret_encrypted)


class Sender:
    """Sends what the schedule lends; `run` does so for as long as the process serves."""

    def __init__(
        self,
        schedule: Schedule,
        signers: Signers,
        client: Outbound,
        publisher: Publisher,
        clock: Clock,
        settings: WebhookSettings,
        metrics: Metrics,
    ) -> None:
        self._schedule = schedule
        self._signers = signers
        self._client = client
        self._publisher = publisher
        self._clock = clock
        self._settings = settings
        self._metrics = metrics
        self._under_way: dict[str, str] = {}
        """Webhook id to host."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until told to stop; what is under way then gets a moment, and after that is left to its lease."""
        attempts: set[asyncio.Task[None]] = set()
        try:
            while not stopping.is_set():
                for each in await self._claim():
                    self._under_way[each.webhook_id] = host_of(each.url)
                    attempts.add(asyncio.create_task(self._deliver(each)))
                await self._wait()
                attempts -= {attempt for attempt in attempts if attempt.done()}
            if attempts:
                await asyncio.wait(attempts, timeout=FINISH_S)
        finally:
            for attempt in attempts:
                attempt.cancel()
            await asyncio.gather(*attempts, return_exceptions=True)

    async def _claim(self) -> list[Pending]:
        self._schedule.news.clear()
        room = self._settings.at_once - len(self._under_way)
        if room <= 0:
            return []
        try:
            found = await self._schedule.claim(
                room, self._settings.at_once_per_host, self._settings.lease_s, Counter(self._under_way.values())
            )
        except Unavailable as error:
            log.warning("webhooks wait: %s", error)
            self._metrics.waits.labels(error.part).inc()
            await asyncio.sleep(error.after_s)
            return []
        # After Redis was lost, one that is on its way now may look due: its outcome is not in the log yet.
        return [each for each in found if each.webhook_id not in self._under_way]

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await self._schedule.news.wait()
        except TimeoutError:
            pass

    async def _deliver(self, delivery: Pending) -> None:
        try:
            await self._attempt(delivery)
        except Unavailable as error:
            # Nothing was noted: the lease lapses, and then it is tried again.
            log.error("a webhook waits: %s", error, extra=_named(delivery))
        except Exception:
            # One delivery that nobody planned for must not end all the others; its lease lapses, too.
            log.exception("an attempt could not be noted", extra=_named(delivery))
        finally:
            del self._under_way[delivery.webhook_id]
            self._schedule.news.set()  # its place is free

    async def _attempt(self, delivery: Pending) -> None:
        began_ms = self._clock.now_ms()
        result = await self._post(delivery)
        now_ms = self._clock.now_ms()
        jitter = secrets.randbelow(1_000_000) / 1_000_000
        verdict = judge(delivery.attempt, result, self._settings.delays_s, now_ms, jitter)
        tried = _told(delivery, result, verdict, began_ms, now_ms)
        if isinstance(verdict, Abandoned):
            await self._bury(delivery, verdict)
        await self._publisher.publish(JOB_EVENTS, delivery.job_id, tried)
        await self._schedule.settle(delivery, verdict)
        self._metrics.webhook_attempts.labels(tried.outcome).inc()
        if isinstance(verdict, Delivered):
            log.info("webhook delivered", extra=_named(delivery) | {"status": tried.status})
        else:
            log.warning(
                "webhook %s: %s", tried.outcome, verdict.error, extra=_named(delivery) | {"status": tried.status}
            )

    async def _post(self, delivery: Pending) -> Result:
        """Sign and send; whatever goes wrong counts, so that the schedule ends it."""
        try:
            return await self._sign_and_post(delivery)
        except WrongSetting as error:
            return Unreached(str(error))
        except Exception as error:
            # Nobody planned this; its text may hold the URL and so a secret.
            log.exception("a webhook could not be sent", extra=_named(delivery))
            return Unreached(f"the attempt broke off: {type(error).__name__}")

    async def _sign_and_post(self, delivery: Pending) -> Result:
        secret = await self._signers.secret_of(delivery.key_id)
        if not isinstance(secret, str):
            return secret
        headers = signing.headers(secret, delivery.webhook_id, int(self._clock.now_ms() / 1000), delivery.body)
        return await self._client.post(delivery.url, delivery.body, headers)

    async def _bury(self, delivery: Pending, verdict: Abandoned) -> None:
        letter = dead_letter(
            delivery.origin, verdict.why, f"webhook {delivery.webhook_id}: {verdict.error}", self._clock.now_ms(),
            job_id=delivery.job_id, attempts=delivery.attempt,
        )  # fmt: skip
        await bury(self._publisher, letter)
        self._metrics.dead_letters.labels(verdict.why).inc()


def _named(delivery: Pending) -> dict[str, str | int]:
    """What the log line of an attempt names: the host alone, for the rest of a URL may hold secrets."""
    return {
        "host": host_of(delivery.url),
        "job_id": delivery.job_id,
        "webhook_id": delivery.webhook_id,
        "attempt": delivery.attempt,
    }


def _told(delivery: Pending, result: Result, verdict: Verdict, began_ms: float, now_ms: float) -> DeliveryAttempted:
    """The attempt as the log has it."""
    outcome, next_ms = told_as(verdict)
    return DeliveryAttempted(
        job_id=delivery.job_id,
        tenant=delivery.tenant,
        webhook_id=delivery.webhook_id,
        url=delivery.url,
        attempt=delivery.attempt,
        status=result.status if isinstance(result, Replied) else None,
        outcome=outcome,
        error=getattr(verdict, "error", None),
        duration_ms=now_ms - began_ms,
        next_attempt_ms=None if next_ms is None else float(next_ms),
        at_ms=now_ms,
    )
