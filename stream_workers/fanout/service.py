"""The process `fanout`: the state view, the reaper and the keeper, until told to stop."""

from infra.service import Service
from infra.telemetry.metrics import Metrics
from producers.conversations.store import Conversations
from producers.jobs.endings import Endings
from producers.jobs.intake import Intake
from producers.jobs.settling import Settling
from producers.state.retention import Retention
from producers.state.scripts import Scripts
from stream_workers.fanout.keeper import Keeper
from stream_workers.fanout.reaper import Reaper
from stream_workers.fanout.state import StateFollower
from stream_workers.fanout.state_view import StateView, queued
from stream_workers.views.parts import parts
from stream_workers.views.process import follower, say_ready, until_stopped


async def serve(service: Service) -> None:
    """Follow the log into the state view, reap and keep.

    Raises:
        Unavailable: the address of a part is not given.
    """
    async with parts(service) as given:
        scripts, retention = Scripts(given.redis, given.redis_settings), Retention()
        _show_queues(given.metrics, scripts)
        state = StateFollower(StateView(scripts, retention), scripts, given.clock, given.metrics)
        view = follower(given, state)
        intake = Intake(scripts, retention)
        endings = Endings(given.publisher, Settling(scripts, retention), given.metrics)
        reaper = Reaper(scripts, intake, endings, given.clock, given.metrics)
        keeper = Keeper(scripts, Conversations(scripts, retention), given.publisher, given.clock)
        await until_stopped(view.follow(service.stopping), say_ready(service, view), reaper.run(view), keeper.run())


def _show_queues(metrics: Metrics, scripts: Scripts) -> None:
    """Have the depth of each lane's queue looked up at each scrape."""

    async def look() -> None:
        for lane, jobs in (await queued(scripts)).items():
            metrics.queue_depth.labels(lane).set(jobs)

    metrics.look_up(metrics.queue_depth, look)
