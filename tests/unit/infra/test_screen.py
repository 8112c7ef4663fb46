"""What is shown on standard output: whole, and to nobody who has gone."""

import os
import threading
from io import StringIO

import pytest
from rich.table import Table

from infra.screen import LiveScreen, Screen

ADDRESS = "clickhouse://127.0.0.1:26533/default"


class Terminal(StringIO):
    """A terminal, to those who ask."""

    def isatty(self) -> bool:
        return True


def shown(out: StringIO, width: int) -> list[str]:
    table = Table()
    table.add_column("process", no_wrap=True)
    table.add_column("up for", no_wrap=True)
    table.add_column("address", overflow="fold")
    table.add_row("clickhouse", "2 min 13 s", ADDRESS)
    Screen(file=out, width=width).show(table)
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [20, 40, 60])
def test_a_narrow_terminal_shows_names_and_numbers_whole_and_folds_the_rest(width: int) -> None:
    lines = shown(Terminal(), width)

    assert any("clickhouse" in each and "2 min 13 s" in each for each in lines)
    assert "…" not in "".join(lines)
    assert len(lines) > 5


def test_in_a_pipe_each_row_is_a_line() -> None:
    lines = shown(StringIO(), 20)

    assert len(lines) == 5
    assert any(ADDRESS in each for each in lines)


def test_a_reader_who_has_gone_is_told_of_once_from_any_thread_and_nothing_fails() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    gone = threading.Event()
    with os.fdopen(writing, "w") as pipe:
        screen = LiveScreen(gone.set, stderr=False)
        screen.file = pipe

        thread = threading.Thread(target=screen.print, args=("some words",))
        thread.start()
        thread.join()
        screen.print("more words")

    assert gone.is_set()
    assert screen.is_closed
