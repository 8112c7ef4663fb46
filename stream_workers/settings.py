"""What can be set in the stream workers."""

from dataclasses import dataclass
from typing import ClassVar

from infra import fuse
from infra.errors import WrongSetting
from infra.settings import Block, setting

DEATHS = ("claimed", "generated", "finished", "published", "settled")
"""The steps of a job's life right after which a fault test can have the worker killed."""


@dataclass(frozen=True)
class WorkerSettings(Block):
    """Inference."""

    block: ClassVar[str] = "worker"
    name: str = setting(
        "", "name of this worker, its own in the group: one that died and comes back under it resumes at once"
    )
    slots: int = setting(32, "prompts that are generated at the same time")
    batch_slots: int = setting(0, "of them, at most so many for the batch lane; 0: three quarters, at least one")
    session_timeout_s: float = setting(10.0, "a worker that is silent for so long loses its partitions")
    lease_s: float = setting(10.0, "a job whose worker is silent for so long is taken over; renewed at 3/10 of it")
    flush_s: float = setting(
        0.03, "shortest time between two pieces of shown text; whoever reads by then has the first at once"
    )
    retries_s: tuple[str, ...] = setting(
        ("0.5", "2", "8"),
        "waits before an answer is tried again that the model server failed; then it is buried",
    )
    transport: str = setting("safe", "safe, or stock: Faust's own, which loses messages (for the test that shows it)")
    die_after: str = setting("", "for fault tests: step:n kills the process right after the n-th time of that step")

    def check(self) -> None:
        """Only what exists can be chosen."""
        if self.transport not in {"safe", "stock"}:
            raise WrongSetting(f"{self.variable('transport')}={self.transport!r} is neither safe nor stock")
        if self.slots < 1:
            raise WrongSetting(
                f"{self.variable('slots')}={self.slots}: at least one prompt must be generated at a time"
            )
        if not 0 <= self.batch_slots <= self.slots:
            raise WrongSetting(f"{self.variable('batch_slots')}={self.batch_slots} must be from 0 to {self.slots}")
        try:
            self.retry_delays_s()
        except ValueError:
            raise WrongSetting(f"{self.variable('retries_s')}={self.retries_s!r} are not numbers") from None
        fuse.refuse_unknown(self.variable("die_after"), self.die_after, DEATHS)

    @property
    def most_for_batch(self) -> int:
        """Slots that the batch lane may have; the others are there for whoever comes."""
        return self.batch_slots or max(1, self.slots * 3 // 4)

    def retry_delays_s(self) -> tuple[float, ...]:
        """`retries_s` as numbers."""
        return tuple(float(each) for each in self.retries_s)
