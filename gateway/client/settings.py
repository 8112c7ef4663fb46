"""Settings of the command line as a client of a gateway."""

from dataclasses import dataclass
from typing import ClassVar

from infra.addresses import is_url
from infra.errors import WrongSetting
from infra.settings import Block, setting


@dataclass(frozen=True)
class ClientSettings(Block):
    """Which gateway the command line asks."""

    block: ClassVar[str] = "client"
    url: str = setting("", "http(s)://host:port of the gateway; empty: that of the stack running here")
    api_key: str = setting("", "API key to send", secret=True)
    reach_s: float = setting(10.0, "how long a gateway that has never answered is tried")
    patience_s: float = setting(30.0, "how long one that has answered before is tried again: it may be restarting")
    silence_s: float = setting(60.0, "silence in a stream after which the connection counts as lost")

    def check(self) -> None:
        """The address must be one that HTTP can go to."""
        if self.url and not is_url(self.url, "http", "https"):
            raise WrongSetting(f"{self.variable('url')}={self.url!r} is no http(s) URL")
