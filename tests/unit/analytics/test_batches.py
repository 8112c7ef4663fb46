"""What is written together, and under which name ClickHouse knows it again."""

from analytics.ingest.batches import Batch
from analytics.ingest.tables import sources
from analytics.rows import AnswerRow, TimedPlace, UndecodableRow, answer_row, undecodable_row
from tests.support.builders import a_completed, a_prompt

ANSWERS, JOB_EVENTS, *_ = sources(store_text=True)
JANUARY_MS, FEBRUARY_MS = 1_769_903_999_999.0, 1_769_904_000_000.0


def row(partition: int, offset: int, received_ms: float = JANUARY_MS) -> AnswerRow:
    prompt = a_prompt(received_ms=received_ms)
    return answer_row(a_completed(prompt), TimedPlace("answers", partition, offset, received_ms), store_text=True)


def a_batch(*rows: AnswerRow | UndecodableRow, told_ms: float = 5.0) -> Batch:
    """These rows, of records that the broker took at `told_ms` and after."""
    batch = Batch(ANSWERS, "answers", opened_s=0.0)
    for each in rows:
        batch.add(each, 100, told_ms + each.offset)
    return batch


def test_rows_of_two_months_are_not_written_together_since_clickhouse_would_write_one_without_the_other() -> None:
    batch = a_batch(row(0, 1))

    assert batch.takes(row(1, 7))
    assert not batch.takes(row(0, 2, FEBRUARY_MS))


def test_a_record_that_is_no_event_goes_with_any() -> None:
    assert a_batch(row(0, 1)).takes(undecodable_row("no", TimedPlace("answers", 0, 2, FEBRUARY_MS)))


def test_the_token_tells_ranges_by_partition_and_when_each_began_whatever_the_order_they_came_in() -> None:
    one, other = a_batch(row(1, 7), row(0, 1), row(0, 3)), a_batch(row(0, 1), row(1, 7), row(0, 3))

    assert one.token == other.token == "answers-0:1@6-3,1:7@12-7"
    assert a_batch(row(0, 1), row(1, 7)).token != one.token


def test_the_same_offsets_of_a_log_that_was_made_anew_have_another_token() -> None:
    rows = row(0, 1), undecodable_row("no", TimedPlace("answers", 0, 2, JANUARY_MS))
    old, new = a_batch(*rows), a_batch(*rows, told_ms=6.0)

    assert old.token != new.token
    assert old.token_of_undecodable != new.token_of_undecodable


def test_a_batch_knows_the_last_offset_of_each_of_its_partitions() -> None:
    assert a_batch(row(1, 7), row(0, 1), row(0, 3)).last_offsets == {1: 7, 0: 3}
