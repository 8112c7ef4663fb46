"""Jars fetched once from Maven Central or a mirror, held to a list of their hashes, shared by every stack."""

import fcntl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Final

from infra.errors import CannotStart
from infra.local.disk.transfer import PATIENT, NotFetched, Patience, Remote, fetch, part_of, sha256_of
from infra.settings import without_password

# (what is being done, how far it is, where it ends); told from any thread.
Report = Callable[[str, int, int], None]

_AT_ONCE: Final = 8
_ADVICE: Final = (
    "see that this machine reaches it (a proxy is taken from HTTPS_PROXY), or name a mirror by "
    "HEADRACE_LOCAL__MAVEN_URL; what was fetched is kept, and the next start goes on there"
)


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


def fetch_jars(
    jars: list[Jar],
    cache_dir: Path,
    *,
    part: str,
    report: Report = silent,
    maven_url: str = "",
    patience: Patience = PATIENT,
) -> list[Path]:
    """Paths of all jars, in their order; what is missing or damaged is fetched, eight at a time.

    Two processes may do this at once: the second waits for the first. A jar appears under its name only whole and
    verified.

    Raises:
        CannotStart: `part` cannot start, because a jar could not be fetched or is not what the lock file says.
    """
    folder = cache_dir / "jars"
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        missing = [jar for jar in jars if not is_whole(folder / jar.filename, jar.sha256, jar.size_bytes)]
        if missing:
            _fetch_all(missing, folder, part, report, maven_url, patience)
    return [folder / jar.filename for jar in jars]


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder of the cache for this process; another waits until we are done or dead."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_whole(path: Path, sha256: str, size_bytes: int) -> bool:
    """Whether a file is there with this content."""
    try:
        return path.stat().st_size == size_bytes and sha256_of(path) == sha256
    except OSError:
        return False


def _fetch_all(jars: list[Jar], folder: Path, part: str, report: Report, maven_url: str, patience: Patience) -> None:
    wanted = {jar.filename: Remote(_address(jar, maven_url), jar.sha256, jar.size_bytes) for jar in jars}
    parts = {part_of(each, folder) for each in wanted.values()}
    for stale in set(folder.glob(".*.part")) - parts:
        stale.unlink()
    total, done, counting = sum(jar.size_bytes for jar in jars), dict.fromkeys(wanted, 0), threading.Lock()

    def one(name: str) -> None:
        def progress(far: int, _: int) -> None:
            with counting:
                done[name] = far
                report(f"downloading {part}", sum(done.values()), total)

        fetch(wanted[name], folder / name, progress, patience)

    report(f"downloading {part}", 0, total)
    try:
        # Its threads are daemons: after Ctrl-C nobody waits for them.
        with ThreadPool(_AT_ONCE) as pool:
            for _ in pool.imap_unordered(one, wanted):
                pass
    except NotFetched as error:
        raise CannotStart(part, f"a jar could not be fetched: {without_password(str(error))}", advice=_ADVICE) from None


def _address(jar: Jar, maven_url: str) -> str:
    """Where the jar is: in the repository given, or in the one that the Maven client knows."""
    # Imported late: it takes longer to import than a start with a full cache takes to check it.
    from jgo.maven import MavenContext  # noqa: PLC0415

    context = MavenContext(remote_repos={"mirror": maven_url.rstrip("/")} if maven_url else None)
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    (repository,) = context.remote_repos.values()
    return f"{repository}/{artifact.component.path_prefix.as_posix()}/{artifact.filename}"
