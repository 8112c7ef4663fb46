"""Events to rows: pure, one module a table. A row's fields are its table's columns.

Whatever a record says, its row fits the columns: numbers are cut to their range (`cells`), so that no single record can
make ClickHouse refuse the batch it is in.

- `answers`, `job_events`, `feedback`, `embeddings`, `undecodable`: a row and what makes it
"""

from analytics.rows.answers import AnswerRow, answer_row, month_of
from analytics.rows.cells import TimedPlace
from analytics.rows.embeddings import EmbeddingRow, embedding_row
from analytics.rows.feedback import FeedbackRow, feedback_row
from analytics.rows.job_events import JobEventRow, job_event_row
from analytics.rows.undecodable import UndecodableRow, undecodable_row

Row = AnswerRow | JobEventRow | FeedbackRow | EmbeddingRow | UndecodableRow

__all__ = [
    "AnswerRow",
    "EmbeddingRow",
    "FeedbackRow",
    "JobEventRow",
    "Row",
    "TimedPlace",
    "UndecodableRow",
    "answer_row",
    "embedding_row",
    "feedback_row",
    "job_event_row",
    "month_of",
    "undecodable_row",
]
