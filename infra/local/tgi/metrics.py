"""The series of TGI's `/metrics` that this server can measure: names, types and buckets are TGI's.

As there, a series appears when it is first used.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from infra.local.tgi.options import Options

CONTENT_TYPE = "text/plain; charset=utf-8"

_HELP = {
    "tgi_request_count": "Total number of requests",
    "tgi_request_success": "Number of successful requests",
    "tgi_request_failure": "",
    "tgi_batch_current_size": "Current batch size",
    "tgi_queue_size": "Current queue size",
    "tgi_request_duration": "Request duration",
    "tgi_request_validation_duration": "Request validation duration",
    "tgi_request_queue_duration": "Request queue duration",
    "tgi_request_inference_duration": "Request inference duration",
    "tgi_request_mean_time_per_token_duration": "Mean time per token per request",
    "tgi_request_input_length": "Input token length per request",
    "tgi_request_generated_tokens": "Generated tokens per request",
    "tgi_request_max_new_tokens": "Maximum new tokens per request",
}
_DURATION_BUCKETS_S = [0.0001 * 1.5**power for power in range(1, 36)]


class Histogram:
    """Observations in buckets."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self, name: str) -> list[str]:
        """As Prometheus reads it."""
        bounds = [f"{each:.16g}" for each in self._bounds] + ["+Inf"]
        totals = list(accumulate(self._counts))
        lines = [f'{name}_bucket{{le="{bound}"}} {total}' for bound, total in zip(bounds, totals, strict=True)]
        return [*lines, f"{name}_sum {self._sum:.16g}", f"{name}_count {totals[-1]}"]


class Metrics:
    """Every series of one server."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._counters: dict[str, dict[str, int]] = {}
        self._gauges: dict[str, int] = {}
        self._histograms: dict[str, Histogram] = {}

    def count(self, name: str, labels: str = "") -> None:
        """One more."""
        series = self._counters.setdefault(name, {})
        series[labels] = series.get(labels, 0) + 1

    def failed(self, why: str) -> None:
        """One more request failed."""
        self.count("tgi_request_failure", f'{{err="{why}"}}')

    def move(self, name: str, by: int) -> None:
        """Raise or lower a gauge."""
        self._gauges[name] = self._gauges.get(name, 0) + by

    def observe(self, name: str, value: float) -> None:
        """Put one value into a histogram."""
        if name not in self._histograms:
            self._histograms[name] = Histogram(self._bounds(name))
        self._histograms[name].observe(value)

    def _bounds(self, name: str) -> Sequence[float]:
        if name.endswith("_duration"):
            return _DURATION_BUCKETS_S
        limits = self._options
        most = limits.max_input_tokens if name == "tgi_request_input_length" else limits.max_total_tokens
        return [most * part / 100 for part in range(1, 101)]

    def render(self) -> str:
        """The whole page."""
        blocks = [
            _block(name, "counter", [f"{name}{labels} {value}" for labels, value in series.items()])
            for name, series in self._counters.items()
        ]
        blocks += [_block(name, "gauge", [f"{name} {value}"]) for name, value in self._gauges.items()]
        blocks += [_block(name, "histogram", each.lines(name)) for name, each in self._histograms.items()]
        return "\n".join(blocks)


def _block(name: str, kind: str, lines: list[str]) -> str:
    head = [f"# HELP {name} {_HELP[name]}"] if _HELP[name] else []
    return "\n".join([*head, f"# TYPE {name} {kind}", *lines, ""])
