"""The table of the tour."""

from io import StringIO

from rich.console import Console

from gateway.client.commands.tour import TourPrompt, hops
from gateway.client.objects import Job, Step


def printed(asked: list[TourPrompt]) -> list[list[str]]:
    console = Console(file=StringIO(), width=120)
    console.print(hops(asked))
    file = console.file
    assert isinstance(file, StringIO)
    rows = (line.strip("│┃ ").replace("┃", "│").split("│") for line in file.getvalue().splitlines())
    return [[cell.strip() for cell in row] for row in rows if len(row) > 1]


def test_each_hop_is_a_row_and_each_prompt_a_column() -> None:
    received, claimed = Step(step="received", at_ms=1.0), Step(step="claimed", at_ms=4.25, since_previous_ms=3.25)
    whole = TourPrompt("a", Job(id="job_1", status="completed"), (received, claimed), webhook=True, row=True)
    cut = TourPrompt("b", Job(id="job_2", status="failed"), (received,), webhook=False)

    assert printed([whole, cut]) == [
        ["hop", "prompt 1", "prompt 2"],
        ["received", "0.0", "0.0"],
        ["claimed", "3.2", "-"],
        ["altogether", "3.2", "0.0"],
        ["signed webhook", "received", "not received"],
        ["analytics row", "written", "not written"],
    ]


def test_prompts_without_an_answer_make_a_table_all_the_same_and_no_webhook_is_missed_that_was_not_asked_for() -> None:
    rows = printed([TourPrompt("a")])

    assert rows[0] == ["hop", "prompt 1"]
    assert "signed webhook" not in [row[0] for row in rows]
