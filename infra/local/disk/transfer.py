"""One file over HTTP: gone on with where it was cut, tried again where that may help, kept only under its SHA-256."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infra.errors import TryAgain
from infra.local.disk.room import free_bytes, in_mb

if TYPE_CHECKING:
    from requests import Response

# Told bytes done and bytes in all; 0 in all: nobody knows.
Progress = Callable[[int, int], None]

# Written at once: of a connection that breaks, so much may be lost.
_CHUNK_BYTES: Final = 64 * 1024
# What a server that names no size leaves of the disk at least.
_LEFT_FREE_BYTES: Final = 512 * 1024 * 1024
_MAY_GO_BETTER: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Remote:
    """A file as it is known before it is here; without a size it is whatever the hash says, up to a limit."""

    url: str
    sha256: str
    size_bytes: int = 0
    max_bytes: int = 64 * 1024**3


@dataclass(frozen=True)
class Patience:
    """How long is waited for what: between tries that bring nothing new, for a connection, in silence."""

    pauses_s: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    connect_s: float = 10.0
    silence_s: float = 30.0
    longest_pause_s: float = 120.0


PATIENT: Final = Patience()


class NotFetched(TryAgain):
    """A file cannot be had; the message says why."""


class _Again(TryAgain):
    """This try has failed; `after_s` is the pause that the server asks for."""


def fetch(remote: Remote, target: Path, progress: Progress, patience: Patience) -> None:
    """Fetch it to its place; whole and verified, or not at all. The caller sees that nobody else does the same.

    What came before a cut is kept beside the place and gone on with, also by a later process. What turns out to be
    another content is thrown away and fetched anew, once.

    Raises:
        NotFetched: it cannot be had from there.
    """
    part = part_of(remote, target.parent)
    told = ""
    for _ in range(2):
        _fill(remote, part, progress, patience)
        told = sha256_of(part)
        if told == remote.sha256:
            part.replace(target)
            return
        part.unlink()
    raise NotFetched(f"what {remote.url} gives has the SHA-256 {told}, not {remote.sha256}")


def part_of(remote: Remote, folder: Path) -> Path:
    """Where the bytes of an unfinished download lie; by content, so that those of another are never gone on with."""
    return folder / f".{remote.sha256[:16]}.part"


def sha256_of(path: Path) -> str:
    """The hash of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fill(remote: Remote, part: Path, progress: Progress, patience: Patience) -> None:
    pauses, most = iter(patience.pauses_s), _size(part)
    while True:
        try:
            return _go_on(remote, part, progress, patience)
        except _Again as trouble:
            if _size(part) > most:
                pauses, most = iter(patience.pauses_s), _size(part)
            pause_s = next(pauses, None)
            if pause_s is None or trouble.after_s > patience.longest_pause_s:
                raise NotFetched(f"{remote.url}: {trouble}") from None
            time.sleep(max(pause_s, trouble.after_s))
        except OSError as error:
            raise NotFetched(f"{part.parent} cannot be written to ({error.strerror})") from None


def _go_on(remote: Remote, part: Path, progress: Progress, patience: Patience) -> None:
    """One try: all that is missing, or _Again."""
    # Imported late: it takes longer than a start with a full cache takes to check it.
    import requests  # noqa: PLC0415

    have = _size(part)
    if remote.size_bytes and have >= remote.size_bytes:
        return
    # Compressed, a range would be one of other bytes.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    timeout = (patience.connect_s, patience.silence_s)
    try:
        with requests.get(remote.url, headers=headers, stream=True, timeout=timeout) as response:
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                return  # nothing is missing, or nothing fits: the hash tells
            _write(response, part, _start(response, have, remote), remote, progress)
    except requests.RequestException as error:
        raise _Again(_in_words(error), after_s=0) from None
    if _size(part) < remote.size_bytes:
        raise _Again("the connection was cut", after_s=0)


def _start(response: "Response", have: int, remote: Remote) -> int:
    """The place in the file of the first byte that this response brings.

    Raises:
        NotFetched: it brings something else, and will the next time.
        _Again: it may be better later.
    """
    status = f"it answers {response.status_code} {response.reason}"
    if response.status_code in _MAY_GO_BETTER:
        after_s = _retry_after_s(response)
        raise _Again(status + (f" and asks to wait {after_s:.0f} s" if after_s else ""), after_s=after_s)
    if response.status_code not in (200, 206):
        raise NotFetched(f"{remote.url}: {status}")
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise NotFetched(f"{remote.url} gives a web page instead of the file: does this network want a sign-in?")
    start, total = 0, _number(response.headers.get("Content-Length", ""))
    if response.status_code == 206:
        place, _, end = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        start, total = _number(place.partition("-")[0]), _number(end)
    if remote.size_bytes and total and total != remote.size_bytes:
        raise NotFetched(f"{remote.url} has {total} bytes, not {remote.size_bytes}: it is another file")
    if start > have:
        raise _Again("it sends another part of the file than was asked for", after_s=0)
    return start


def _write(response: "Response", part: Path, start: int, remote: Remote, progress: Progress) -> None:
    """Append what is new; a server that knows no ranges sends again what we have.

    Raises:
        NotFetched: it is more than there may be, or than there is room for.
    """
    have = _size(part)
    length = _number(response.headers.get("Content-Length", ""))
    total = remote.size_bytes or (start + length if length else 0)
    free = free_bytes(part.parent)
    room = have + free
    if total > room:
        raise NotFetched(f"{remote.url} has {in_mb(total)}, for which {part.parent} has no room")
    if not remote.size_bytes and room <= _LEFT_FREE_BYTES:
        least = in_mb(_LEFT_FREE_BYTES)
        raise NotFetched(f"{remote.url}: {part.parent} has {in_mb(free)} free, and {least} must stay so")
    most = remote.size_bytes or min(remote.max_bytes, room - _LEFT_FREE_BYTES)
    if total > most:
        raise NotFetched(f"{remote.url} has {in_mb(total)}, more than the {in_mb(most)} that it may have here")
    known = have - start
    with part.open("ab") as file:
        for chunk in response.iter_content(_CHUNK_BYTES):
            new = chunk[known:]
            known = max(known - len(chunk), 0)
            file.write(new)
            have += len(new)
            progress(have, total)
            if remote.size_bytes and have > remote.size_bytes:
                return
            if have > most:
                part.unlink()
                raise NotFetched(f"{remote.url} has more than the {in_mb(most)} that it may have here")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _retry_after_s(response: "Response") -> float:
    """The pause asked for, given in seconds or as a date; 0 where there is none."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        # Both times are the server's, so that our own clock does not matter.
        now = parsedate_to_datetime(response.headers["Date"])
        return max((parsedate_to_datetime(text) - now).total_seconds(), 0.0)
    except (KeyError, ValueError, TypeError):
        return 0.0


def _in_words(error: Exception) -> str:
    """What the HTTP client met, without its wrappings."""
    import requests  # noqa: PLC0415

    match error:
        case requests.exceptions.SSLError():
            return f"its certificate is not trusted here ({error.args[0] if error.args else error})"
        case requests.exceptions.Timeout():
            return "it is silent"
        case requests.exceptions.ProxyError():
            return "the proxy of this network (HTTPS_PROXY) cannot be used"
        case requests.exceptions.ChunkedEncodingError():
            return "the connection was cut"
        case requests.exceptions.ConnectionError():
            return "it cannot be reached"
        case _:
            return " ".join(str(error).split()) or type(error).__name__
