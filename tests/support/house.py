"""The house as its rules see it: `python -m tests.support.house map|sizes` prints the tour and the largest rooms."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("producers", "gateway", "stream_workers", "analytics", "infra")
LARGEST = 10


def tracked(*patterns: str) -> list[Path]:
    """Files of the project that git knows or would take, by pattern."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def modules(*rooms: str) -> list[Path]:
    """Every Python module of these rooms (of all, where none is named)."""
    return tracked(*(f"{room}/*.py" for room in rooms or ROOMS))


def name_of(path: Path) -> str:
    """The path as the project's own folder sees it."""
    return path.relative_to(ROOT).as_posix()


def first_line(path: Path) -> str:
    """The first line of a module's docstring; empty where it has none."""
    return (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Every function of a module by name, and its lines."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{name_of(path)}:{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def print_map() -> None:
    """The tour of the house: every module's first line, aloud."""
    for room in ROOMS:
        for path in modules(room):
            sys.stdout.write(f"{name_of(path):48} {first_line(path)}\n")


def print_sizes() -> None:
    """What is largest: for taste to look at; nothing fails."""
    lines = [(name_of(path), len(path.read_text().splitlines())) for path in modules()]
    longest = [found for path in modules() for found in functions(path)]
    for title, sizes in (("modules", lines), ("functions", longest)):
        sys.stdout.write(f"the largest {title}\n")
        for name, size in sorted(sizes, key=lambda each: -each[1])[:LARGEST]:
            sys.stdout.write(f"{size:6} {name}\n")


if __name__ == "__main__":
    {"map": print_map, "sizes": print_sizes}[sys.argv[1]]()
