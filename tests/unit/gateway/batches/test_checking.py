"""A line becomes a prompt of the batch lane, always of the same job, or is refused."""

from typing import Any

import msgspec
import pytest

from gateway.batches import checking
from gateway.batches.asking import Asked, Rules, WrongLine, asked_by, job_id_of
from gateway.batches.checking import MOST_ERRORS, MOST_LINES, Checking
from gateway.batches.lines import Line
from infra.sealing import Seal
from producers.access.keys import mint
from producers.destinations import Policy
from producers.events import BatchSubmitted
from producers.prompts import bounds
from producers.settings import PromptSettings
from tests.support.builders import CLOCK
from tests.support.files import a_line
from tests.support.gateway import MODEL

KEY = mint(CLOCK, Seal("a secret key of the tests, long enough"), tenant="acme", name="test").event
RULES = Rules(PromptSettings(models=(MODEL, "other")), Policy(), KEY)
BATCH = BatchSubmitted(
    batch_id="batch_1", tenant="acme", key_id=KEY.id, endpoint="/v1/chat/completions", input_file_id="file-1",
    expires_ms=2e12,
)  # fmt: skip


def line(number: int, custom_id: str = "a", **changes: Any) -> Line:
    return Line(number, 0, 1, msgspec.json.encode(a_line(custom_id, **changes)))


def test_a_line_is_always_the_same_job_of_the_batch_lane() -> None:
    first, again, other = (asked_by(line(number), BATCH, RULES, 1e12) for number in (7, 7, 8))

    assert first == again
    assert first.prompt.job_id == job_id_of("batch_1", 7) != other.prompt.job_id
    assert (first.custom_id, first.prompt.lane, first.prompt.tenant) == ("a", "batch", "acme")
    assert first.prompt.deadline_ms == BATCH.expires_ms
    assert first.prompt.idempotency_key != other.prompt.idempotency_key


def test_no_key_of_a_client_names_a_line() -> None:
    assert not bounds.is_idempotency_key(asked_by(line(7), BATCH, RULES, 1e12).prompt.idempotency_key or "")


def test_a_line_at_which_the_check_itself_breaks_fails_no_batch(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def read_or_break(each: Line, *rest: Any) -> Asked:
        if each.number == 2:
            raise TypeError("unhashable type: 'list'")
        return asked_by(each, *rest)

    monkeypatch.setattr(checking, "asked_by", read_or_break)
    broken = Checking(BATCH, RULES)
    for number in (1, 2, 3):
        broken.take(line(number, str(number)))
    broken.end()

    assert (broken.errors, broken.faults, broken.lines, broken.model) == ([], 1, 3, MODEL)
    assert "a line cannot be checked" in caplog.text


def test_a_line_that_is_too_long_is_refused() -> None:
    with pytest.raises(WrongLine) as refused:
        asked_by(Line(3, 0, 9, None), BATCH, RULES, 0.0)

    assert (refused.value.code, refused.value.at(3).line) == ("line_too_long", 3)


def test_a_model_that_the_key_may_not_use_does_not_exist_for_its_batch() -> None:
    rules = Rules(RULES.settings, RULES.policy, msgspec.structs.replace(KEY, models=("other",)))

    with pytest.raises(WrongLine) as refused:
        asked_by(line(1), BATCH, rules, 0.0)

    assert (refused.value.code, refused.value.param) == ("model_not_found", "body.model")


def test_a_line_whose_record_leaves_no_room_for_an_answer_is_refused() -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "x" * 3_200_000}]}

    with pytest.raises(WrongLine, match="the prompt has 32") as refused:
        asked_by(line(1, body=body), BATCH, RULES, 0.0)

    assert (refused.value.code, refused.value.param) == ("too_large", "body")


def test_nobody_reads_on_after_too_many_errors_or_lines() -> None:
    checking = Checking(BATCH, RULES)
    for number in range(1, MOST_ERRORS + 1):
        assert not checking.is_over
        checking.take(line(number, method="GET"))
    assert checking.is_over

    full = Checking(BATCH, RULES, lines=MOST_LINES)
    full.take(line(MOST_LINES + 1))
    assert full.is_over
    assert [(each.code, each.line) for each in full.errors] == [("too_many_lines", MOST_LINES + 1)]
