"""The state view played by a test: records applied as its process applies them."""

from typing import Any

from infra.clock import SystemClock
from infra.telemetry.metrics import Metrics
from producers.events import Terminal
from producers.log.places import Place
from producers.log.topics import ANSWERS
from producers.state.positions import Move, Seek
from producers.state.retention import Retention
from producers.state.scripts import Scripts
from stream_workers.fanout.state import StateFollower
from stream_workers.fanout.state_view import StateView
from stream_workers.views.records import Done, ReadRecord, Stuck


async def applied(scripts: Scripts, event: Any, move: Move) -> Done | Seek | Stuck:
    """What becomes of one record."""
    follower = StateFollower(StateView(scripts, Retention()), scripts, SystemClock(), Metrics())
    return await follower.apply([ReadRecord(event, move, 0)])


async def read_by_the_view(scripts: Scripts, ending: Terminal) -> None:
    """The state view comes to an ending, as if it were the next in the last partition of `answers`."""
    partition = ANSWERS.partitions - 1
    (standing,) = await StateView(scripts, Retention()).positions.read([(ANSWERS.name, partition)])
    at = standing.position
    move = Move(Place(ANSWERS.name, partition, at), at, at + 1, SystemClock().now_ms())
    assert isinstance(await applied(scripts, ending, move), Done)
