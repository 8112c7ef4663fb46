"""Settings of what only the embedded stack has."""

from dataclasses import dataclass
from typing import ClassVar

from infra.settings import Block, setting


@dataclass(frozen=True)
class ReceiverSettings(Block):
    """The webhook receiver for development."""

    block: ClassVar[str] = "receiver"
    secret: str = setting("", "secret its webhooks are signed with (whsec_…)", secret=True)
