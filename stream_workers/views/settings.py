"""Settings of the views."""

from dataclasses import dataclass
from typing import ClassVar

from infra.errors import WrongSetting
from infra.settings import Block, setting


@dataclass(frozen=True)
class ViewSettings(Block):
    """How fanout, deliver and retrain follow the log."""

    block: ClassVar[str] = "views"
    instance: str = setting(
        "", "name of this process that survives its restart, different for each of a kind (a pod's name): "
        "partitions then stay with it; empty: none"
    )  # fmt: skip
    session_timeout_s: float = setting(10.0, "how long a dead process holds its partitions")
    batch_records: int = setting(1000, "records read at once, at most")
    gather_ms: int = setting(
        200, "how long records are left to gather: a busy broker is then asked five times a second"
    )
    check_every_s: float = setting(0.5, "how often Redis is asked whether it still stands where we left it")

    def check(self) -> None:
        """Brokers refuse sessions shorter than six seconds."""
        if self.session_timeout_s < 6.0:
            raise WrongSetting(f"{self.variable('session_timeout_s')}={self.session_timeout_s} is less than 6 s")
