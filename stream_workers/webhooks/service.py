"""The process `deliver`: the schedule of webhooks and the sender, until told to stop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from infra.sealing import Seal
from infra.service import Service
from infra.settings import CommonSettings, KafkaSettings
from producers.access.registry import Registry, RegistryReader
from producers.settings import WebhookSettings
from stream_workers.views.parts import Parts, parts
from stream_workers.views.process import follower, say_ready, until_stopped
from stream_workers.webhooks.outbound import Outbound, outbound
from stream_workers.webhooks.schedule import Schedule
from stream_workers.webhooks.sender import Sender, Signers

REGISTRY_PATIENCE_S = 60.0


async def serve(service: Service) -> None:
    """Follow the log into the schedule and send what is due.

    Raises:
        Unavailable: the address of a part is not given, or the registry cannot be read.
        WrongSetting: a setting contradicts another, or there is no HEADRACE_SECRET_KEY.
    """
    settings, seal = WebhookSettings.from_env(), Seal(CommonSettings.from_env().secret_key)
    async with parts(service) as given, _registry(given.kafka) as registry:
        schedule = Schedule(given.redis, given.redis_settings, settings.delays_s, settings.public_url)
        view = follower(given, schedule)
        async with outbound(settings.policy, given.clock, settings.timeout_s, settings.at_once) as client:
            sender = _sender(given, schedule, Signers(registry, seal), client, settings)
            await until_stopped(
                view.follow(service.stopping), say_ready(service, view), finishing=sender.run(service.stopping)
            )


def _sender(given: Parts, schedule: Schedule, signers: Signers, client: Outbound, settings: WebhookSettings) -> Sender:
    return Sender(schedule, signers, client, given.publisher, given.clock, settings, given.metrics)


@asynccontextmanager
async def _registry(kafka: KafkaSettings) -> AsyncIterator[Registry]:
    reader = RegistryReader(kafka, "headrace-deliver")
    reader.start()
    try:
        await reader.wait_ready(REGISTRY_PATIENCE_S)
        yield reader.registry
    finally:
        await reader.close()
