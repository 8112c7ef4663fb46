"""Documents that are run: their commands in one shell, what those print held against what the page shows.

A page is run from its first block to its last, as its reader would. In a `console` block a line that begins with `$ `
is a command (it goes on after a backslash, and in lines that begin with `> `), and what stands below is what it prints,
where `…` stands for anything. A `python` block is run as a script of its own. Blocks of other kinds are for the eye.
"""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_END = "--- that was it ---"
ANYTHING = "…"


@dataclass(frozen=True)
class Step:
    """One command of a page and what it is shown to print; what is shown may be empty: then anything may be printed."""

    command: str
    shown: str


def steps(page: str) -> Iterator[Step]:
    """The commands of a page, in order."""
    for kind, body in _FENCED.findall(page):
        if kind == "console":
            yield from _commands(body)
        elif kind == "python":
            yield Step(f"python - <<'HERE'\n{body}HERE", "")


def _commands(block: str) -> Iterator[Step]:
    command, shown = "", ""
    for line in block.splitlines():
        if line.startswith("$ "):
            if command:
                yield Step(command, shown)
            command, shown = line.removeprefix("$ "), ""
        elif line.startswith("> "):
            command += "\n" + line.removeprefix("> ")
        elif command.endswith("\\"):
            command += "\n" + line
        else:
            shown += line + "\n"
    if command:
        yield Step(command, shown)


def is_as_shown(printed: str, shown: str) -> bool:
    """Whether the output is what the page shows, spaces at the ends of lines aside."""
    pattern = ".*".join(re.escape(each) for each in _trimmed(shown).split(ANYTHING))
    return not shown.strip() or re.fullmatch(pattern, _trimmed(printed), re.DOTALL) is not None


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


class Shell:
    """One bash, in which a page's commands follow one another and keep what they export."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> "Shell":
        """Itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """End it, and what it still runs in the background with it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("kill $(jobs -p) 2>/dev/null\nexit\n")
        self._process.stdin.close()
        # It ends when all have ended that write to it; nobody of them must wait for a reader.
        self._process.stdout.read()
        self._process.stdout.close()
        self._process.wait(20)

    def run(self, command: str) -> tuple[str, int]:
        """What a command printed, and its exit code."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\ncode=$?; echo; echo '{_END}' $code\n")
        self._process.stdin.flush()
        printed = ""
        for line in self._process.stdout:
            if line.startswith(_END):
                return printed, int(line.removeprefix(_END))
            printed += line
        raise AssertionError(f"the shell ended in {command!r}:\n{printed}")


def follow(page: Path, shell: Shell) -> None:
    """Run a page; fails at the first command that fails or prints something else than is shown."""
    found = list(steps(page.read_text()))
    assert found, f"{page.name} has nothing to run"
    for step in found:
        printed, code = shell.run(step.command)
        assert code == 0, f"{page.name}: {step.command}\nended with {code}:\n{printed}"
        assert is_as_shown(printed, step.shown), (
            f"{page.name}: {step.command}\nprinted\n{printed}\nthe page shows\n{step.shown}"
        )
