"""The files of the pages, read once with their module: no event loop waits for a disk."""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True)
class Asset:
    """One file as it goes over the wire; `packed` is its gzip, where that is worth it."""

    body: bytes
    packed: bytes | None
    content_type: str
    etag: str


def asset(name: str, body: bytes) -> Asset:
    """The asset that a file of this name and content is.

    Raises:
        KeyError: nobody said what such a file is to a browser.
    """
    packed = gzip.compress(body, mtime=0)
    worth_it = len(packed) < 0.9 * len(body)
    return Asset(body, packed if worth_it else None, _TYPES[Path(name).suffix], hashlib.sha256(body).hexdigest()[:20])


def load(folder: Path) -> dict[str, Asset]:
    """Every file below a folder that a browser may ask for, by its path from there; what is not here is not served."""
    found = sorted(path for path in folder.rglob("*") if path.suffix in _TYPES and path.is_file())
    return {path.relative_to(folder).as_posix(): asset(path.name, path.read_bytes()) for path in found}


HTML = load(Path(__file__).parent)
"""All files of ours, from this folder on: `chat.html`, `static/ground/api.js`, …"""
