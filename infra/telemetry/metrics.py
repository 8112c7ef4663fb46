"""Every metric of ours by name; there are no others, and none has tenant or user ids as labels.

A process shows what it feeds: each metric is made when somebody in it first asks for it. What others know better than
we do (a queue's depth, a lag) is looked up when Prometheus asks, and left out where nobody could tell.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.metrics import MetricWrapperBase

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
"""The longest that one look may hold up a scrape."""
_SECONDS: Final = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_MINUTES: Final = (327.68, 1310.72, 5242.88)
_ALL: Final = ("worker", "fanout", "deliver", "retrain", "ingest")

Kind = TypeVar("Kind", bound=MetricWrapperBase)
Look = Callable[[], Awaitable[None]]


class Entry(Generic[Kind]):
    """One line of the catalogue; asked for through `Metrics`, it becomes the metric itself."""

    def __init__(
        self, kind: type[Kind], name: str, meaning: str, labels: tuple[str, ...] = (), *, fed_by: tuple[str, ...],
        **options: Any,
    ) -> None:  # fmt: skip
        self.kind = kind
        self.name = name
        self.meaning = meaning
        self.labels = labels
        self.fed_by = fed_by
        self._options = options
        self._attribute = ""

    @property
    def shown_as(self) -> str:
        """The name that Prometheus has of it."""
        return f"{self.name}_total" if self.kind is Counter else self.name

    def __set_name__(self, owner: type, attribute: str) -> None:
        self._attribute = attribute

    def __get__(self, metrics: "Metrics", owner: type) -> Kind:
        made = self.kind(self.name, self.meaning, self.labels, registry=metrics.registry, **self._options)
        metrics.__dict__[self._attribute] = made  # from now on it is found there
        return made


class Metrics:
    """The catalogue, bound to one registry."""

    jobs = Entry(
        Counter, "headrace_jobs", "Jobs by the state they reached, told by whoever brought them there", ("state",),
        fed_by=("gateway", "worker", "fanout"),
    )  # fmt: skip
    cache_requests = Entry(
        Counter, "headrace_cache_requests", "Look-ups in the answer cache; the worker's are of conversations",
        ("kind", "result"), fed_by=("gateway", "worker"),
    )  # fmt: skip
    feedback = Entry(Counter, "headrace_feedback", "Feedback taken", ("kind",), fed_by=("gateway",))
    batches = Entry(Counter, "headrace_batches", "Batches that ended, by how", ("status",), fed_by=("gateway",))
    http_requests = Entry(
        Counter, "headrace_http_requests", "Requests by route and status", ("method", "route", "status"),
        fed_by=("gateway", "reports"),
    )  # fmt: skip
    http_duration = Entry(
        Histogram, "headrace_http_request_duration_seconds", "Time to the response's head", ("route",),
        fed_by=("gateway", "reports"), buckets=_SECONDS,
    )  # fmt: skip
    queue_depth = Entry(
        Gauge, "headrace_queue_depth", "Jobs that are in the log and not claimed yet; every fanout shows the same",
        ("lane",), fed_by=("fanout",),
    )  # fmt: skip
    queue_wait = Entry(
        Histogram, "headrace_queue_wait_seconds", "From a job's acceptance to its first claim", ("lane",),
        fed_by=("worker",), buckets=(*_SECONDS, *_MINUTES),
    )  # fmt: skip
    ttft = Entry(
        Histogram, "headrace_ttft_seconds", "From a prompt's receipt to its answer's first token", ("lane",),
        fed_by=("worker",), buckets=(*_SECONDS, *_MINUTES),
    )  # fmt: skip
    slots = Entry(Gauge, "headrace_slots_size", "Generations that may run at once", fed_by=("worker",))
    slots_busy = Entry(Gauge, "headrace_slots_busy", "Slots that are taken now", fed_by=("worker",))
    server_seats = Entry(
        Gauge, "headrace_server_seats", "Prompts that a model server is given at a time; none while it is away",
        ("server",), fed_by=("worker",),
    )  # fmt: skip
    server_busy = Entry(
        Gauge, "headrace_server_seats_busy", "Prompts that a model server has now", ("server",), fed_by=("worker",)
    )
    server_state = Entry(
        Gauge, "headrace_server_state", "1 for the state that a model server is in", ("server", "state"),
        fed_by=("worker",),
    )  # fmt: skip
    server_outcomes = Entry(
        Counter, "headrace_server_outcomes", "What came of asking a model server", ("server", "outcome"),
        fed_by=("worker",),
    )  # fmt: skip
    mentions_dropped = Entry(
        Counter, "headrace_mentions_dropped", "Job events that were not worth waiting for", fed_by=("worker",)
    )
    duplicates = Entry(
        Counter, "headrace_results_duplicate_dropped", "Endings after the first of their job", fed_by=("fanout",)
    )
    late_prompts = Entry(
        Counter, "headrace_late_prompts", "Prompts that came into the log after their job was given up",
        fed_by=("worker", "fanout"),
    )  # fmt: skip
    webhook_attempts = Entry(
        Counter, "headrace_webhook_attempts", "Attempts to deliver a webhook", ("outcome",), fed_by=("deliver",)
    )
    examples = Entry(Counter, "headrace_examples", "Training examples published", fed_by=("retrain",))
    rows = Entry(Counter, "headrace_rows_written", "Rows written to ClickHouse", ("table",), fed_by=("ingest",))
    dead_letters = Entry(Counter, "headrace_dead_letters", "Records and jobs buried", ("reason",), fed_by=_ALL)
    waits = Entry(Counter, "headrace_waits", "Times that work had to wait for a part that was away", ("part",),
        fed_by=_ALL,
    )  # fmt: skip
    consumer_lag = Entry(
        Gauge, "headrace_consumer_lag", "Records of the partitions read here that are not done yet", ("group", "topic"),
        fed_by=_ALL,
    )  # fmt: skip

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._looks: list[tuple[Look, Gauge]] = []
        self._turn = asyncio.Lock()

    def look_up(self, gauge: Gauge, look: Look) -> None:
        """Have a gauge with labels set by `look` at each scrape; it shows nothing where that fails."""
        self._looks.append((look, gauge))

    async def shown(self) -> bytes:
        """All that is fed here, in Prometheus' text format."""
        async with self._turn:
            for look, gauge in self._looks:
                gauge.clear()
                await _look(look, gauge)
            # In a thread: what the kernel knows of this process is read from files.
            return await asyncio.to_thread(generate_latest, self.registry)


def catalogue() -> list[Entry[Any]]:
    """Every entry, in order."""
    return [each for each in vars(Metrics).values() if isinstance(each, Entry)]


async def _look(look: Look, gauge: Gauge) -> None:
    try:
        async with asyncio.timeout(LOOK_S):
            await look()
    except Exception as error:  # noqa: BLE001,RUF100 # whatever it is, the other metrics are shown
        gauge.clear()
        log.debug("%s cannot be looked up: %r", gauge, error)
