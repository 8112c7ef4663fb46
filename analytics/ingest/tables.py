"""Which table holds a topic, and how its records become rows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from analytics import rows
from analytics.rows import Row, TimedPlace
from producers.log import codec
from producers.log.topics import ANSWERS, EMBEDDINGS, FEEDBACK, JOB_EVENTS, Topic


@dataclass(frozen=True)
class Table:
    """A table and the columns that are written to it."""

    name: str
    columns: tuple[str, ...]

    @property
    def insert(self) -> str:
        """The statement that takes its rows."""
        return f"INSERT INTO {self.name} ({', '.join(self.columns)}) VALUES"


@dataclass(frozen=True)
class Source:
    """A topic that is read, the table it goes to, and the way there.

    `part_of` gives the table's partition that a row belongs to, as the migrations say it.
    """

    topic: Topic
    table: Table
    to_row: Callable[[Any, TimedPlace], Row]
    part_of: Callable[[Any], object] = lambda _: None

    def read(self, value: bytes | None, origin: TimedPlace) -> Row:
        """The row of a record.

        Raises:
            InvalidEvent: the record is no event of the topic.
        """
        return self.to_row(codec.decode(self.topic, value), origin)


UNDECODABLE = Table("undecodable", rows.UndecodableRow._fields)


def sources(*, store_text: bool) -> tuple[Source, ...]:
    """Every topic that is read."""
    return (
        Source(
            ANSWERS,
            Table("answers", rows.AnswerRow._fields),
            lambda event, origin: rows.answer_row(event, origin, store_text=store_text),
            part_of=lambda row: rows.month_of(row.received_at),
        ),
        Source(JOB_EVENTS, Table("job_events", rows.JobEventRow._fields), rows.job_event_row),
        Source(
            FEEDBACK,
            Table("feedback", rows.FeedbackRow._fields),
            lambda event, origin: rows.feedback_row(event, origin, store_text=store_text),
        ),
        Source(EMBEDDINGS, Table("embeddings", rows.EmbeddingRow._fields), rows.embedding_row),
    )
