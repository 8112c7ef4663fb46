"""Every metric of ours by name; there are no others, and none has tenant or user ids as labels."""

from prometheus_client import CollectorRegistry, Counter, Histogram

_SECONDS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)


class Metrics:
    """The catalogue, bound to one registry."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.jobs = Counter("headrace_jobs", "Jobs by state reached", ["state"], registry=self.registry)
        self.cache_requests = Counter(
            "headrace_cache_requests", "Look-ups in the answer cache", ["kind", "result"], registry=self.registry
        )
        self.webhook_attempts = Counter(
            "headrace_webhook_attempts", "Attempts to deliver a webhook", ["outcome"], registry=self.registry
        )
        self.feedback = Counter("headrace_feedback", "Feedback taken", ["kind"], registry=self.registry)
        self.duplicates = Counter(
            "headrace_results_duplicate_dropped", "Endings after the first of their job", registry=self.registry
        )
        self.dead_letters = Counter(
            "headrace_dead_letters", "Records and jobs buried", ["reason"], registry=self.registry
        )
        self.http_requests = Counter(
            "headrace_http_requests",
            "Requests by route and status",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.http_duration = Histogram(
            "headrace_http_request_duration_seconds", "Time to the response's head", ["route"], buckets=_SECONDS,
            registry=self.registry,
        )  # fmt: skip
