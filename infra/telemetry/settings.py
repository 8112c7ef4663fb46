"""Settings of what a process tells of itself."""

import re
from dataclasses import dataclass
from typing import ClassVar, Final

from infra.errors import WrongSetting
from infra.settings import Block, setting

EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 # asked for in so many words
_LAST_PORT: Final = 65_535
_ADDRESS: Final = re.compile(r"(?P<host>[\w.-]+|\[(?P<v6>[\da-fA-F:.]+)\])?:(?P<port>\d{1,5})")


@dataclass(frozen=True)
class MetricsSettings(Block):
    """Where a process tells how it fares: /metrics for Prometheus, /healthz and /readyz for whoever starts it."""

    block: ClassVar[str] = "metrics"
    address: str = setting(
        "", "host:port to serve them on, each process its own; :port listens on every interface, port 0 takes a free "
        "one and logs it; empty: not served"
    )  # fmt: skip

    @property
    def host_and_port(self) -> tuple[str, int]:
        """The address in its two parts.

        Raises:
            WrongSetting: it is no address.
        """
        found = _ADDRESS.fullmatch(self.address)
        if found is None or int(found["port"]) > _LAST_PORT:
            raise WrongSetting(f"{self.variable('address')}={self.address!r} is no host:port")
        return found["v6"] or found["host"] or EVERYWHERE, int(found["port"])

    def check(self) -> None:
        """An address must be one."""
        if self.address:
            _ = self.host_and_port
