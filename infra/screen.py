"""Standard output as rich draws on it."""

from rich.console import Console


class Screen(Console):
    """A console to which a closed pipe is no failure: whoever read it has enough (`infra.cli` ends the command)."""

    def on_broken_pipe(self) -> None:
        """Let the error go up, instead of ending with 1."""
        raise BrokenPipeError
