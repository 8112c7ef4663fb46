"""Settings of the gateway."""

from dataclasses import dataclass
from typing import ClassVar

from infra.addresses import is_url
from infra.errors import WrongSetting
from infra.settings import Block, setting

MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"


@dataclass(frozen=True)
class GatewaySettings(Block):
    """The HTTP side."""

    block: ClassVar[str] = "gateway"
    host: str = setting("127.0.0.1", "address to listen on")
    port: int = setting(8080, "port to listen on; 0: a free one")
    models: tuple[str, ...] = setting((MODEL,), "names of the models served, with commas between")
    body_limit_bytes: int = setting(1024 * 1024, "largest body of a request")
    max_answer_tokens: int = setting(4096, "most tokens that a client may ask for in one answer")
    chat_timeout_s: float = setting(600.0, "longest wait of a synchronous chat completion for its answer")
    ping_every_s: float = setting(15.0, "silence after which a comment keeps an event stream open")
    reports_url: str = setting("", "http://host:port of the reports process; empty: no reports are served")
    reports_timeout_s: float = setting(30.0, "longest wait for a report")

    def check(self) -> None:
        """A gateway without a model could serve nobody; an address must be one."""
        if self.reports_url and not is_url(self.reports_url, "http", "https"):
            raise WrongSetting(f"{self.variable('reports_url')} must be http(s)://host:port")
        if not self.models:
            raise WrongSetting(f"{self.variable('models')} names no model")
        if self.body_limit_bytes > 2 * 1024 * 1024:
            raise WrongSetting(
                f"{self.variable('body_limit_bytes')}={self.body_limit_bytes} leaves no room for the answer "
                "in a record of 4 MiB: give 2097152 or less"
            )
