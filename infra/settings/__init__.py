"""The only reader of the environment, and the blocks of settings that the ground declares.

- `sources`: where a value is given: environment, file, a file of its own
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
    Block,
    Setting,
    blocks,
    child_environment,
    colours,
    given_here,
    masked,
    refuse_unknown,
    setting,
    unknown,
    without_password,
)
from infra.settings.sources import PREFIX, Sources, key_of

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
    "Sources",
    "TgiSettings",
    "blocks",
    "child_environment",
    "colours",
    "given_here",
    "key_of",
    "masked",
    "refuse_unknown",
    "setting",
    "unknown",
    "without_password",
]
