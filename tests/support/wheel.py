"""The wheel as a stranger gets it: built from what git tracks, installed beside its declared dependencies only."""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.metadata import Metadata
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.house import name_of, tracked


def build(folder: Path) -> tuple[Path, Path]:
    """The wheel and the source archive, built as `make wheel` does, but from a copy of the tracked files."""
    source, made = folder / "source", folder / "dist"
    for path in tracked("*"):
        copy = source / name_of(path)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(made), str(source))
    return next(made.glob("*.whl")), next(made.glob("*.tar.gz"))


def dependencies(requirements: Iterable[Requirement], extra: str = "") -> dict[str, Distribution]:
    """What these requirements bring, by name, all the way down, out of what is installed here.

    Raises:
        AssertionError: an installed one is not of the version asked for.
    """
    found: dict[str, Distribution] = {}
    seen: set[str] = set()
    waiting = [each for each in requirements if _wanted(each, {"", extra})]
    while waiting:
        asked = waiting.pop()
        if str(asked) in seen:
            continue
        seen.add(str(asked))
        name = canonicalize_name(asked.name)
        there = found[name] = distribution(name)
        assert asked.specifier.contains(there.version, prereleases=True), f"{asked}, but {there.version} is installed"
        waiting += [inner for text in there.requires or () if _wanted(inner := Requirement(text), {"", *asked.extras})]
    return found


@dataclass(frozen=True)
class Installed:
    """A virtual environment with the wheel and what it declares; nothing else, and no clone."""

    folder: Path

    @property
    def headrace(self) -> str:
        """The command."""
        return str(self.folder / "venv" / "bin" / "headrace")

    def environment(self, **extra: str) -> dict[str, str]:
        """Ours without a setting of Headrace or Python, with a home and a place for scratch files of its own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEADRACE_", "PYTHON"))}
        own = {"HOME": str(self._own("home")), "TMPDIR": str(self._own("tmp")), "PYTHONDONTWRITEBYTECODE": "1"}
        return kept | own | extra

    def run(self, *words: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command of it to its end in a folder."""
        argv = [self.headrace, *words]
        environment = self.environment(**settings)
        return subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    def files(self) -> set[str]:
        """Everything that lies in the environment, its home and its scratch folder."""
        return {str(each.relative_to(self.folder)) for each in self.folder.rglob("*")}

    def _own(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir(exist_ok=True)
        return path


def install(wheel: Path, metadata: Metadata, folder: Path, extra: str) -> Installed:
    """Install the wheel with this extra, or with none.

    Its dependencies are linked from the running environment, so that nothing is downloaded.
    """
    beside = folder / "dependencies"
    beside.mkdir(parents=True)
    for each in dependencies(metadata.requires_dist or (), extra).values():
        for top in {path.parts[0] for path in each.files or () if path.parts[0] not in ("..", "__pycache__")}:
            target = beside / top
            if not target.exists():
                target.symlink_to(str(each.locate_file(top)))
    # A link to its interpreter, as `python3 -m venv` makes it: a copy would miss its libraries.
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = str(folder / "venv" / "bin" / "python")
    _run(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", str(wheel))
    site = next((folder / "venv" / "lib").glob("python*/site-packages"))
    (site / "dependencies.pth").write_text(f"{beside}\n")
    return Installed(folder)


def _wanted(requirement: Requirement, extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
