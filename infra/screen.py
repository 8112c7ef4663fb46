"""Standard output as rich draws on it."""

import os
from collections.abc import Callable
from typing import Final

from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Table

_NO_LIMIT: Final = 10_000
# What a column that may be wrapped has at least, and what lies between two.
_FOLDED, _BETWEEN = 14, 3


class Screen(Console):
    """A console to which a closed pipe is no failure: whoever read it has enough (`infra.cli` ends the command)."""

    def on_broken_pipe(self) -> None:
        """Let the error go up, instead of ending with 1."""
        raise BrokenPipeError

    def show(self, table: Table) -> None:
        """Print a table with nothing of it cut off: what may not be wrapped is not, and in a pipe nothing is.

        A terminal that is too narrow even then wraps its lines by itself.
        """
        wide = self.options.update(max_width=_NO_LIMIT)
        for column in table.columns:
            if column.no_wrap:
                cells = (column.header, *column.cells)
                column.min_width = max(Measurement.get(self, wide, self._cell(each)).maximum for each in cells)
        whole = Measurement.get(self, wide, table).maximum
        least = sum((each.min_width or each.width or _FOLDED) + _BETWEEN for each in table.columns)
        before = self.width
        self.width = max(before, min(whole, least) if self.file.isatty() else whole)
        self.print(table)
        self.width = before

    def _cell(self, cell: RenderableType) -> RenderableType:
        return self.render_str(cell) if isinstance(cell, str) else cell


class LiveScreen(Screen):
    """A screen beside work that has to end in order: when nobody reads it any more it says so, and falls silent."""

    def __init__(self, tell: Callable[[], object], *, stderr: bool) -> None:
        super().__init__(stderr=stderr)
        self._tell: Final = tell
        self.is_closed = False

    def on_broken_pipe(self) -> None:
        """Tell, from whichever thread it was that wrote; what is still in the buffer must not complain at exit."""
        self.quiet = self.is_closed = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())
        self._tell()


def visible(text: str, keep: str = "") -> str:
    """The text with all that a terminal would obey written out: who wrote it may be anybody."""
    return "".join(each if each.isprintable() or each in keep else f"\\x{ord(each):02x}" for each in text)
