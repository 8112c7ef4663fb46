"""The only reader of the environment, and the blocks of settings that the ground declares.

- `reading`: what a block is, and how it is read, refused, shown and handed to a child process
- `ground`: the blocks of the parts, the log, a process and the embedded stack
"""

from infra.settings.ground import (
    MAX_RECORD_BYTES,
    SHORTEST_KEY,
    ClickHouseSettings,
    CommonSettings,
    KafkaSettings,
    LocalSettings,
    LogSettings,
    RedisSettings,
    ServiceSettings,
    TgiSettings,
)
from infra.settings.reading import (
    PREFIX,
    Block,
    Setting,
    blocks,
    child_environment,
    colours,
    masked,
    refuse_unknown,
    setting,
    unknown,
    without_password,
)

__all__ = [
    "MAX_RECORD_BYTES",
    "PREFIX",
    "SHORTEST_KEY",
    "Block",
    "ClickHouseSettings",
    "CommonSettings",
    "KafkaSettings",
    "LocalSettings",
    "LogSettings",
    "RedisSettings",
    "ServiceSettings",
    "Setting",
    "TgiSettings",
    "blocks",
    "child_environment",
    "colours",
    "masked",
    "refuse_unknown",
    "setting",
    "unknown",
    "without_password",
]
