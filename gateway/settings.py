"""Settings of the gateway."""

from dataclasses import dataclass
from typing import ClassVar

from infra.addresses import is_url
from infra.errors import WrongSetting
from infra.settings import setting
from producers.settings import PromptSettings


@dataclass(frozen=True)
class GatewaySettings(PromptSettings):
    """The HTTP side."""

    block: ClassVar[str] = "gateway"
    host: str = setting("127.0.0.1", "address to listen on")
    port: int = setting(8080, "port to listen on; 0: a free one")
    chat_timeout_s: float = setting(600.0, "longest wait of a synchronous chat completion for its answer")
    ping_every_s: float = setting(15.0, "silence after which a comment keeps an event stream open")
    reports_url: str = setting("", "http://host:port of the reports process; empty: no reports are served")
    reports_timeout_s: float = setting(30.0, "longest wait for a report")

    def check(self) -> None:
        """What may be asked must be; an address must be one."""
        super().check()
        if self.reports_url and not is_url(self.reports_url, "http", "https"):
            raise WrongSetting(f"{self.variable('reports_url')} must be http(s)://host:port")
