"""Settings of what runs batches."""

from dataclasses import dataclass
from typing import ClassVar

from infra.errors import WrongSetting
from infra.settings import Block, setting


@dataclass(frozen=True)
class BatchSettings(Block):
    """How batches are run, by every gateway beside its requests."""

    block: ClassVar[str] = "batches"
    lines_in_flight: int = setting(64, "lines of all batches that one gateway has under way; 0: it runs none")
    look_every_s: float = setting(0.25, "how often it looks what became of them")
    lease_s: float = setting(
        10.0, "a batch whose gateway is silent for so long is taken over; renewed at a third of it"
    )

    def check(self) -> None:
        """Nothing below zero."""
        if self.lines_in_flight < 0:
            raise WrongSetting(f"{self.variable('lines_in_flight')}={self.lines_in_flight} is less than 0")
        if self.look_every_s <= 0 or self.lease_s <= 2 * self.look_every_s:
            raise WrongSetting(
                f"{self.variable('lease_s')}={self.lease_s} must be more than twice "
                f"{self.variable('look_every_s')}={self.look_every_s}, and that more than 0"
            )
