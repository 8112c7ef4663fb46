"""Settings of the analytics room."""

from dataclasses import dataclass
from typing import ClassVar

from infra.errors import WrongSetting
from infra.settings import Block, setting

MOST_QUERIES_AT_ONCE = 200
"""Several views of the dashboard, of two dozen queries each."""
MOST_QUERIES_A_TENANT = 50
"""Two views: what one tenant looks at leaves room for the others."""


@dataclass(frozen=True)
class AnalyticsSettings(Block):
    """What is stored of the log, and for how long."""

    block: ClassVar[str] = "analytics"
    store_text: bool = setting(True, "keep the text of prompts, answers and comments; the rest is kept without them")
    text_retention_days: int = setting(30, "days after which that text is dropped from its row; 0 keeps it for ever")
    batch_rows: int = setting(5_000, "rows of one topic that are written at once")
    batch_bytes: int = setting(16 << 20, "bytes of records of one topic after which they are written")
    batch_age_s: float = setting(1.0, "longest time a record waits for others to be written with")

    def check(self) -> None:
        """Nothing that must be counted may be less than one."""
        for name in ("batch_rows", "batch_bytes"):
            if getattr(self, name) < 1:
                raise WrongSetting(f"{self.variable(name)}={getattr(self, name)} is less than 1")
        for name in ("text_retention_days", "batch_age_s"):
            if getattr(self, name) < 0:
                raise WrongSetting(f"{self.variable(name)}={getattr(self, name)} is less than 0")


@dataclass(frozen=True)
class ReportsSettings(Block):
    """The process that answers the named queries."""

    block: ClassVar[str] = "reports"
    host: str = setting("127.0.0.1", "address to listen on; no key is asked: keep it loopback")
    port: int = setting(0, "port to listen on; 0 takes a free one and logs it")
    threads: int = setting(4, "queries that run at the same time")
    most_queries: int = setting(
        MOST_QUERIES_AT_ONCE, "queries that run or wait, from which on requests are answered 503"
    )
    most_queries_of_a_tenant: int = setting(
        MOST_QUERIES_A_TENANT, "of them for one tenant, from which on its requests are answered 429"
    )

    def check(self) -> None:
        """Somebody must do the asking, and something may be asked."""
        for name in ("threads", "most_queries", "most_queries_of_a_tenant"):
            if getattr(self, name) < 1:
                raise WrongSetting(f"{self.variable(name)}={getattr(self, name)} is less than 1")
