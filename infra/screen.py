"""Standard output as rich draws on it."""

from rich.console import Console


class Screen(Console):
    """A console to which a closed pipe is no failure: whoever read it has enough (`infra.cli` ends the command)."""

    def on_broken_pipe(self) -> None:
        """Let the error go up, instead of ending with 1."""
        raise BrokenPipeError


def visible(text: str, keep: str = "") -> str:
    """The text with all that a terminal would obey written out: who wrote it may be anybody."""
    return "".join(each if each.isprintable() or each in keep else f"\\x{ord(each):02x}" for each in text)
