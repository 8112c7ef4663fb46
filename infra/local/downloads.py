"""Files fetched once from Maven Central, held to a checked-in list of their hashes, shared by all checkouts."""

import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.errors import CannotStart

# (what is being done, how far it is, where it ends); told from any thread.
Report = Callable[[str, int, int], None]

_AT_ONCE: Final = 8
_TRIES: Final = 3


@dataclass(frozen=True)
class Jar:
    """One line of a lock file."""

    group: str
    artifact: str
    version: str
    size_bytes: int
    sha256: str

    @property
    def filename(self) -> str:
        """Its name in the cache."""
        return f"{self.artifact}-{self.version}.jar"


def silent(what: str, done: int, total: int) -> None:
    """Report to nobody."""


def read_lock(path: Path) -> list[Jar]:
    """The jars a lock file lists: `group:artifact:version bytes sha256`, one a line."""
    return [_read_line(line) for line in path.read_text().splitlines() if line and not line.startswith("#")]


def _read_line(line: str) -> Jar:
    coordinate, size_bytes, sha256 = line.split()
    group, artifact, version = coordinate.split(":")
    return Jar(group, artifact, version, int(size_bytes), sha256)


def fetch_jars(jars: list[Jar], cache_dir: Path, *, part: str, report: Report = silent) -> list[Path]:
    """Paths of all jars, in their order; what is missing or damaged is fetched, eight at a time.

    Two processes may do this at once: the second waits for the first. A jar appears under its name only whole and
    verified.

    Raises:
        CannotStart: `part` cannot start, because a jar could not be fetched or is not what the lock file says.
    """
    folder = cache_dir.expanduser() / "jars"
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        missing = [jar for jar in jars if not _is_whole(folder / jar.filename, jar)]
        if missing:
            _fetch_all(missing, folder, part, report)
    return [folder / jar.filename for jar in jars]


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder of the cache for this process; another waits until we are done or dead."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_whole(path: Path, jar: Jar) -> bool:
    try:
        return path.stat().st_size == jar.size_bytes and _sha256(path) == jar.sha256
    except OSError:
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch_all(jars: list[Jar], folder: Path, part: str, report: Report) -> None:
    total = sum(jar.size_bytes for jar in jars)
    done = 0
    report(f"downloading {part}", done, total)
    # What a process that died in mid-download left; nobody else is at it, we hold the lock.
    for stale in folder.glob(".fetching-*"):
        shutil.rmtree(stale, ignore_errors=True)
    # In the cache's own folder, so that the last step is a rename.
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as scratch, ThreadPoolExecutor(_AT_ONCE) as pool:
        for jar in pool.map(lambda jar: _fetch(jar, Path(scratch), folder, part), jars):
            done += jar.size_bytes
            report(f"downloading {part}", done, total)


def _fetch(jar: Jar, scratch: Path, folder: Path, part: str) -> Jar:
    why = ""
    for attempt in range(_TRIES):
        try:
            path = _download(jar, scratch / f"{jar.filename}.{attempt}")
        except Exception as error:  # noqa: BLE001,RUF100 - the library raises whatever its HTTP client does
            why = f"{type(error).__name__}: {error}"
            continue
        if _is_whole(path, jar):
            path.replace(folder / jar.filename)
            return jar
        why = "its SHA-256 is not the one in the lock file"
    raise CannotStart(
        part,
        f"{jar.group}:{jar.artifact}:{jar.version} could not be fetched from Maven Central ({why})",
        advice="check that this machine reaches Maven Central, then start again; what was fetched is kept",
    )


def _download(jar: Jar, repository: Path) -> Path:
    # Imported late: it takes longer to import than a start with a full cache takes to check it.
    from jgo.maven import MavenContext  # noqa: PLC0415

    artifact = MavenContext(repo_cache=repository).project(jar.group, jar.artifact).at_version(jar.version).artifact()
    return Path(artifact.resolve())
