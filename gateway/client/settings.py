"""Settings of a client of a gateway, the command line first of all."""

from dataclasses import dataclass, replace
from typing import ClassVar

from infra import stack_file
from infra.addresses import is_url
from infra.errors import WrongSetting
from infra.settings import Block, LocalSettings, setting


@dataclass(frozen=True)
class ClientSettings(Block):
    """Which gateway a client asks, the command line first of all, and how patiently."""

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


def chosen(url: str | None = None, api_key: str | None = None, patience_s: float | None = None) -> ClientSettings:
    """The gateway that was said, or the one of the environment, or that of the stack which runs in this folder.

    Raises:
        WrongSetting: a variable is wrong, or a key is given and no gateway for it.
        Unavailable: the stack of this folder was killed.
    """
    settings = ClientSettings.from_env()
    if url is not None:
        settings = replace(settings, url=url)
    if api_key is not None:
        settings = replace(settings, api_key=api_key)
    if patience_s is not None:
        settings = replace(settings, reach_s=patience_s, patience_s=patience_s)
    if settings.url and settings.api_key:
        return settings
    stack = stack_file.read(LocalSettings.from_env())
    if stack and settings.url and stack.gateway_url.rstrip("/") == settings.url.rstrip("/"):
        return replace(settings, api_key=stack.api_key)
    return stack_file.addressed(settings, stack)
