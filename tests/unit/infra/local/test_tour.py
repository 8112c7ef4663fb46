"""The table of the tour."""

from io import StringIO

from rich.console import Console

from infra.local.tour import TourPrompt, hops


def printed(asked: list[TourPrompt]) -> list[list[str]]:
    console = Console(file=StringIO(), width=120)
    console.print(hops(asked))
    file = console.file
    assert isinstance(file, StringIO)
    rows = (line.strip("│┃ ").replace("┃", "│").split("│") for line in file.getvalue().splitlines())
    return [[cell.strip() for cell in row] for row in rows if len(row) > 1]


def test_each_hop_is_a_row_and_each_prompt_a_column() -> None:
    whole = TourPrompt("a", {"status": "completed"}, webhook=True, row=True)
    whole.steps = [{"step": "received", "since_previous_ms": 0.0}, {"step": "claimed", "since_previous_ms": 3.25}]
    cut = TourPrompt("b", {"status": "failed"}, [{"step": "received", "since_previous_ms": 0}])

    assert printed([whole, cut]) == [
        ["hop", "prompt 1", "prompt 2"],
        ["received", "0.0", "0.0"],
        ["claimed", "3.2", "-"],
        ["altogether", "3.2", "0.0"],
        ["signed webhook", "received", "not received"],
        ["analytics row", "written", "not written"],
    ]


def test_prompts_without_an_answer_make_a_table_all_the_same() -> None:
    assert printed([TourPrompt("a")])[0] == ["hop", "prompt 1"]
