"""Standard output as rich draws on it."""

import os
from collections.abc import Callable
from typing import Final

from rich.console import Console


class Screen(Console):
    """A console to which a closed pipe is no failure: whoever read it has enough (`infra.cli` ends the command)."""

    def on_broken_pipe(self) -> None:
        """Let the error go up, instead of ending with 1."""
        raise BrokenPipeError


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
