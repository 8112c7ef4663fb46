"""Who else is asked what is shown of the log: each room knows its own store, and setup.cfg lists their witnesses.

So this room asks ClickHouse, and the schedule of webhooks, without knowing either.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, Final, cast

from producers.auditing.ledger import Ledger, Span
from producers.auditing.statements import Statement
from producers.auditing.verdict import Kind

GROUP: Final = "headrace.witnesses"
READERS: Final[dict[Kind, str]] = {"redis": "fanout", "clickhouse": "ingest", "webhooks": "deliver"}
"""Whose reading of the log decides what a store can show by now."""

OF_REDIS: Final[tuple[Kind, ...]] = ("redis", "webhooks")
"""What is shown by a view in Redis, which must be whole before it is asked."""


@dataclass(frozen=True)
class Asked:
    """What a witness is asked: of which jobs, and about which deliveries, whose last attempt the log does not tell."""

    span: Span
    webhooks: Callable[[], Iterator[str]]


Witness = Callable[[Asked], Iterable[Statement]]
"""Tells what its store shows; raises Unavailable where it cannot be asked."""


def witness(kind: Kind) -> Witness:
    """The witness of that name, of whichever room."""
    (found,) = entry_points(group=GROUP, name=kind)
    return cast("Witness", found.load())


def asked(ledger: Ledger) -> Asked:
    """What follows from what the ledger has heard so far."""

    def webhooks() -> Iterator[str]:
        open_ones = """
            SELECT webhook FROM ends LEFT JOIN attempts USING (webhook)
            WHERE webhook <> '' AND coalesce(outcome, 'retry') = 'retry'
        """
        found: Iterator[tuple[Any, ...]] = ledger.ask(open_ones)
        return (str(webhook) for (webhook,) in found)

    return Asked(ledger.span, webhooks)
