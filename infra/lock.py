"""The lock of a stack's folder: held by its supervisor as long as that lives, and by nobody who is not it.

The kernel lets go of it when the process ends, however it ends. Who holds it is found by the number that the holder
wrote into it, and by that this process has the very file open: a number alone may long be somebody else's.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import psutil

from infra.errors import HeadraceError, WrongSetting

_LOOKED_AT_S: Final = 0.5
_PAUSE_S: Final = 0.02


class AlreadyRunning(WrongSetting):
    """Another stack runs from this folder."""


class UnknownHolder(HeadraceError):
    """Somebody holds the lock of a stack, and we cannot tell who."""


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock for this process.

    Raises:
        AlreadyRunning: another process holds it; the message names it.
    """
    with _taken(path) as lock:
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def is_held(path: Path) -> bool:
    """Whether any process holds the lock.

    Raises:
        UnknownHolder: it is another user's.
    """
    try:
        with path.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    except PermissionError:
        raise UnknownHolder(f"{path} belongs to another user: run this as that user") from None
    return False


def holder(path: Path) -> int | None:
    """The process that holds the lock; None where nobody does.

    Raises:
        UnknownHolder: it is held, but the process that it names is not the one.
    """
    deadline_s = time.monotonic() + _LOOKED_AT_S
    while is_held(path):
        named = _named(path)
        if named.isdigit() and _has_open(int(named), path):
            return int(named)
        # One that has just taken it has not yet written its number.
        if time.monotonic() > deadline_s:
            raise UnknownHolder(
                f"{path} is held, but process {named or '?'} that it names is not (or may not be seen to be) the one: "
                f"`lsof {path}` names who it is; run this as that user"
            )
        time.sleep(_PAUSE_S)
    return None


def _taken(path: Path) -> IO[str]:
    deadline_s = time.monotonic() + _LOOKED_AT_S
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(path, lock):
                # Nobody else is to be able to hold it: it says that what the folder tells is so.
                os.fchmod(lock.fileno(), 0o600)
                return lock
        except BlockingIOError:
            # `headrace status` holds it for an instant, to see whether anybody does.
            if time.monotonic() > deadline_s:
                lock.seek(0)
                named = lock.read().strip() or "unknown"
                lock.close()
                raise AlreadyRunning(
                    f"a stack runs from {path.parent.absolute()} already (process {named}); "
                    "use it, end it (`headrace stop`), or set HEADRACE_LOCAL__DIR to another folder"
                ) from None
        lock.close()
        time.sleep(_PAUSE_S)


def _is_still(path: Path, lock: IO[str]) -> bool:
    """Whether the file at that place is the one we hold: `headrace reset` may have removed it while we opened it."""
    try:
        return os.path.samestat(os.fstat(lock.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _named(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""


def _has_open(pid: int, path: Path) -> bool:
    try:
        return any(_same(each.path, path) for each in psutil.Process(pid).open_files())
    except psutil.Error:
        return False


def _same(one: str, path: Path) -> bool:
    try:
        return path.samefile(one)
    except OSError:
        return False
