"""What a worker counts of the jobs that go through it."""

from collections.abc import Mapping
from typing import Literal

from infra.telemetry.metrics import Metrics
from producers.events import LANES, PromptSubmitted


class Counts:
    """Told of each step once; costs some microseconds a job."""

    def __init__(self, metrics: Metrics) -> None:
        # Bound once: to look a series up costs more than to count.
        self._running = metrics.jobs.labels("running")
        self._cache = metrics.cache_requests
        self._waits = metrics.waits
        self._late = metrics.late_prompts
        self._buried = metrics.dead_letters
        self._queue_wait = {lane: metrics.queue_wait.labels(lane) for lane in LANES}
        self._ttft = {lane: metrics.ttft.labels(lane) for lane in LANES}

    def claimed(self, prompt: PromptSubmitted, attempt: int, times: Mapping[str, float]) -> None:
        """A job was claimed: its first claim ends its wait. Both times are of Redis' clock."""
        if attempt == 1:
            waited_ms = times.get("claimed", 0.0) - times.get("accepted", prompt.received_ms)
            self._queue_wait[prompt.lane].observe(max(0.0, waited_ms / 1000))
            self._running.inc()

    def first_token(self, prompt: PromptSubmitted, at_ms: float) -> None:
        """An answer began."""
        self._ttft[prompt.lane].observe(max(0.0, (at_ms - prompt.received_ms) / 1000))

    def came_late(self) -> None:
        """A prompt came into the log after its job had been given up."""
        self._late.inc()

    def looked_up(self, result: Literal["hit", "miss", "bypass"]) -> None:
        """A conversation's turn was looked up in the answer cache."""
        self._cache.labels("exact", result).inc()

    def buried(self, reason: str) -> None:
        """A dead letter was written."""
        self._buried.labels(reason).inc()

    def waits(self, part: str) -> None:
        """Work waits for a part that is away."""
        self._waits.labels(part).inc()
