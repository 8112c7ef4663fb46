"""What a person sees while parts download and start: bars on a terminal, plain lines elsewhere."""

import threading
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


class StartUp:
    """One line per part; may be told from any thread."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._last: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Show the bars, on a terminal."""
        # FORCE_COLOR makes a pipe a terminal to rich; moving bars would still litter it.
        if self._console.is_terminal and self._console.file.isatty():
            self._bars = Progress(
                TextColumn("{task.fields[part]:<11}"),
                BarColumn(bar_width=24),
                TextColumn("{task.description}"),
                TimeElapsedColumn(),
                console=self._console,
            )
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Leave the bars as they stand."""
        if self._bars:
            self._bars.stop()

    def told(self, part: str, what: str, done: int = 0, total: int = 0) -> None:
        """Say what a part is doing, and how far it is if that is known."""
        with self._lock:
            if self._bars:
                self._show(self._bars, part, what, done, total or None)
            else:
                self._print(part, what, done, total)

    def ready(self, part: str) -> None:
        """Say that a part is ready."""
        self.told(part, "ready", 1, 1)

    def _show(self, bars: Progress, part: str, what: str, done: int, total: int | None) -> None:
        if part not in self._tasks:
            self._tasks[part] = bars.add_task("", part=part, total=None)
        bars.update(self._tasks[part], description=what, completed=done, total=total)
        if what == "ready":
            bars.stop_task(self._tasks[part])

    def _print(self, part: str, what: str, done: int, total: int) -> None:
        # By quarters: a log file wants no bar.
        quarter = "" if total <= 1 or not done else f" {done * 4 // total * 25}%"
        line = f"{what}{quarter}"
        if self._last.get(part) != line:
            self._last[part] = line
            self._console.print(f"{time.monotonic() - self._began:6.1f} s  {part:<11} {line}", highlight=False)
