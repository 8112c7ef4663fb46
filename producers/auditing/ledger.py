"""All that an audit hears, kept in a store on disk: millions of jobs take little memory.

A prompt or an ending that is heard twice from one place counts once; the order in which they are heard does not matter.
"""

import hashlib
import math
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from producers.auditing.statements import DeliveryShown, JobShown, RowShown, Statement
from producers.events import (
    BatchEnded,
    DeliveryAttempted,
    Ending,
    JobClaimed,
    PromptSubmitted,
    RetryScheduled,
    Terminal,
    Webhook,
    status_of,
)
from producers.log import codec, partitioning
from producers.log.places import Place
from producers.log.topics import ANSWERS
from producers.webhook_ids import id_of, type_of

_TABLES: Final = (Path(__file__).parent / "ledger.sql").read_text()
_CACHE_KIB: Final = 65_536
_AT_ONCE: Final = 5_000

_PROMPT: Final = """
    INSERT INTO prompts VALUES (?, ?, ?, ?, 1, ?, ?, ?) ON CONFLICT (job)
    DO UPDATE SET records = records + (offset <> excluded.offset), offset = max(offset, excluded.offset)
"""
_ENDING: Final = "INSERT OR IGNORE INTO endings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_BATCH: Final = "INSERT OR IGNORE INTO batches VALUES (?, ?, ?, ?)"
_CLAIM: Final = "INSERT INTO claims VALUES (?, ?, 1) ON CONFLICT (job, attempt) DO UPDATE SET records = records + 1"
_TRY: Final = "INSERT INTO tries VALUES (?, 1) ON CONFLICT (job) DO UPDATE SET records = records + 1"
# What is final stays: of two senders the one that was overtaken may speak last.
_ATTEMPT: Final = """
    INSERT INTO attempts VALUES (?, ?, 1, ?) ON CONFLICT (webhook)
    DO UPDATE SET records = records + 1, outcome = iif(outcome = 'retry', excluded.outcome, outcome)
"""
_JOB: Final = "INSERT OR REPLACE INTO jobs_shown VALUES (?, ?, ?, ?, ?, ?)"
_ROW: Final = "INSERT OR REPLACE INTO rows_shown VALUES (?, ?, ?, ?, ?)"
_DELIVERY: Final = "INSERT OR REPLACE INTO deliveries_shown VALUES (?, ?)"


@dataclass(frozen=True)
class Span:
    """The jobs that are looked at: those received from one time, and before another, in ms since the epoch."""

    from_ms: float = 0.0
    to_ms: float = math.inf

    def covers(self, prompt: PromptSubmitted) -> bool:
        """Whether a prompt is one of them; all that is said of a job bears the time at which it was received."""
        return self.from_ms <= prompt.received_ms < self.to_ms


class Ledger:
    """What was heard; `with` puts its store away at the end."""

    def __init__(self, span: Span | None = None) -> None:
        self.span = span or Span()
        # An empty name is a file of our own that nobody else sees, and that is gone with us.
        self._store = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_CACHE_KIB}"):
            self._store.execute(f"PRAGMA {pragma}")
        self._store.executescript(_TABLES)
        self._waiting: dict[str, list[tuple[Any, ...]]] = {}
        self._many = 0

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Put its store away."""
        self._store.close()

    def hear(self, event: Any, place: Place, at_ms: float = 0.0) -> None:
        """A record of the log says so, at this place; `at_ms` is the log's time of it."""
        match event:
            case PromptSubmitted() if self.span.covers(event):
                where = place.topic, place.partition, place.offset
                ends_in = partitioning.of_key(event.job_id, ANSWERS.partitions)
                self._note(_PROMPT, event.job_id, *where, at_ms, event.deadline_ms, ends_in)
            case Ending() as ending if self.span.covers(ending.prompt):
                self._note(_ENDING, *_row_of(ending, place, at_ms))  # type: ignore[arg-type] # all its classes
            case BatchEnded() if self.span.from_ms <= event.at_ms < self.span.to_ms:
                webhook = _webhook_of(event.batch_id, event.webhook, event)
                self._note(_BATCH, event.batch_id, place.offset, place.partition, webhook)
            case JobClaimed():
                self._note(_CLAIM, event.job_id, event.attempt)
            case RetryScheduled():
                self._note(_TRY, event.job_id)
            case DeliveryAttempted():
                self._note(_ATTEMPT, event.webhook_id, event.job_id, event.outcome)
            case _:
                pass

    def believe(self, statements: Iterable[Statement]) -> None:
        """Somebody shows the log so."""
        for each in statements:
            match each:
                case JobShown():
                    shown = each.state, each.partition, each.offset, each.digest, each.forgotten
                    self._note(_JOB, each.job_id, *shown)
                case RowShown():
                    self._note(_ROW, each.job_id, each.offset, each.partition, each.status, each.completion_tokens)
                case DeliveryShown():
                    self._note(_DELIVERY, each.webhook_id, each.state)

    def read(self, topic: str, partition: int, first: int, after: int) -> None:
        """Of this partition all was heard from one offset on, and before another."""
        self._note("INSERT OR REPLACE INTO extents VALUES (?, ?, ?, ?)", topic, partition, first, after)

    def begins(self, topic: str, partition: int, at_ms: float) -> None:
        """What this partition held from before that time is gone from the log, or was not read."""
        self._note("INSERT OR REPLACE INTO beginnings VALUES (?, ?, ?)", topic, partition, at_ms)

    def stands(self, reader: str, topic: str, partition: int, next: int) -> None:
        """A reader of the log had read this partition so far, when it was asked.

        The `worker` must have been asked before the end of `answers` was: what it had acknowledged has its ending
        there. All others must have been asked after.
        """
        self._note("INSERT OR REPLACE INTO standings VALUES (?, ?, ?, ?)", reader, topic, partition, next)

    def ask(self, sql: str, **named: Any) -> Iterator[tuple[Any, ...]]:
        """Ask for something of what was heard."""
        self._write()
        yield from self._store.execute(sql, named)

    def learn(self, script: str) -> None:
        """Run statements of a rule's own."""
        self._write()
        self._store.executescript(script)

    def one(self, sql: str, **named: Any) -> int:
        """Ask for one number; none is 0."""
        return int(next(self.ask(sql, **named))[0] or 0)

    def _note(self, sql: str, *values: Any) -> None:
        self._waiting.setdefault(sql, []).append(values)
        self._many += 1
        if self._many >= _AT_ONCE:
            self._write()

    def _write(self) -> None:
        waiting, self._waiting, self._many = self._waiting, {}, 0
        if not waiting:
            return
        self._store.execute("BEGIN")
        for sql, values in waiting.items():
            self._store.executemany(sql, values)
        self._store.execute("COMMIT")


def digest_of(ending: Terminal) -> bytes:
    """What tells two endings apart: the same of an ending that was read from bytes of an older version."""
    return hashlib.blake2b(codec.encode(ending), digest_size=16).digest()


def _row_of(ending: Terminal, place: Place, at_ms: float) -> tuple[Any, ...]:
    tokens = ending.usage.completion_tokens if ending.usage else 0
    webhook = _webhook_of(ending.job_id, ending.prompt.webhook, ending)
    told = status_of(ending), digest_of(ending), tokens, ending.attempt, webhook
    return (ending.job_id, place.offset, place.partition, at_ms, *told)


def _webhook_of(about: str, webhook: Webhook | None, event: Terminal | BatchEnded) -> str:
    """The one id under which it is to be told; empty where nobody wants to know."""
    return id_of(about, webhook.url, type_of(event)) if webhook else ""
