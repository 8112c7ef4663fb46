"""What an audit comes to."""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["lost", "doubled", "redis", "clickhouse", "webhooks"]
KINDS: Final[dict[Kind, str]] = {
    "lost": "accepted, without an ending in the log, and nobody will write one",
    "doubled": "two results of one job are to be seen",
    "redis": "Redis shows something else than the log",
    "clickhouse": "ClickHouse counts something else than the log",
    "webhooks": "an ending was not told, and will not be",
}
"""Every kind of broken promise, and what it means."""


@dataclass(frozen=True)
class Offender:
    """One broken promise: of which job, where its record stands, and what is wrong."""

    kind: Kind
    job_id: str
    place: str
    what: str


@dataclass(frozen=True)
class Verdict:
    """The counts, and what is wrong; `offenders` are the first of them, `violations` counts all.

    `accepted` is the sum of what `ended` by status, what is `in_flight` by state, and what is lost.
    """

    accepted: int
    ended: dict[str, int]
    in_flight: dict[str, int]
    gone: int
    """Jobs besides whose prompt the log still holds, and no longer whatever was said of their end."""
    violations: dict[Kind, int]
    offenders: tuple[Offender, ...]
    executions: "Executions"
    said_again: int
    """Endings that the log holds once more, word for word."""
    overruled: int
    """Endings that differ from the first of their job, and that nobody sees."""
    prompts_again: int
    """Prompts that the log holds once more."""
    redis: dict[str, int]
    clickhouse: dict[str, int]
    webhooks: dict[str, int]

    @property
    def kept(self) -> bool:
        """Whether every promise was."""
        return not any(self.violations.values())


@dataclass(frozen=True)
class Executions:
    """How often jobs were executed: `claims` by workers, `tries` that a model server failed."""

    jobs: int
    claims: int
    tries: int
    extra: int
    """Claims after the first of their job that follow on no failed try."""

    @property
    def extra_share(self) -> float:
        """Of the jobs that were executed."""
        return self.extra / self.jobs if self.jobs else 0.0
