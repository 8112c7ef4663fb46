"""Where a part of a batch of embeddings ends follows from the input alone."""

from collections.abc import AsyncIterator
from typing import Any

from gateway.batches import parts
from gateway.batches.embedding import Embedding
from gateway.batches.lines import Line, lost
from gateway.batches.parts import Part
from producers.batches.store import Batch, Progress
from producers.events import BatchSubmitted


def line(number: int, size_bytes: int = 10) -> Line:
    return Line(number, 100, 100 + size_bytes, b"{}")


def filled(*lines: Line) -> Part:
    part = Part("batch_1", lines[0])
    part.lines.extend(lines[1:])
    return part


def test_a_part_ends_after_so_many_lines_or_so_much_of_the_input() -> None:
    assert not filled(*map(line, range(1, parts.LINES))).is_full
    assert filled(*map(line, range(1, parts.LINES + 1))).is_full
    assert filled(line(1), line(2, parts.INPUT_BYTES)).is_full


def test_a_part_is_found_by_the_number_of_its_first_line() -> None:
    assert filled(line(17), line(18)).name == parts.part_name("batch_1", 17) != parts.part_name("batch_1", 18)


async def test_of_a_lost_input_nothing_is_embedded_and_nothing_refused() -> None:
    async def lines() -> AsyncIterator[Line]:
        for each in lost(None, 3, 9):
            yield each

    batch = Batch(
        BatchSubmitted(
            batch_id="batch_1", tenant="acme", key_id="key_1", endpoint="/v1/embeddings", input_file_id="file-1",
            expires_ms=2e12,
        )
    )  # fmt: skip
    nothing: Any = None
    embedding = Embedding(batch, lines(), Progress(3), nothing, nothing)
    await embedding.step(8)

    assert (embedding.is_done, embedding.progress) == (True, Progress(3))
