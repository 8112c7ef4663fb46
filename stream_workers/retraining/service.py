"""The process `retrain`: joins answers with feedback until told to stop."""

from infra.service import Service
from stream_workers.retraining.join import Join
from stream_workers.views.parts import parts
from stream_workers.views.process import follower, say_ready, until_stopped


async def serve(service: Service) -> None:
    """Follow answers and feedback, and publish examples.

    Raises:
        Unavailable: the address of a part is not given.
    """
    async with parts(service) as given:
        view = follower(given, Join(given.redis, given.redis_settings, given.publisher, given.metrics))
        await until_stopped(view.follow(service.stopping), say_ready(service, view))
