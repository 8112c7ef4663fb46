"""uPlot, which draws the charts: out of the package that carries it, and only if it is the release we know.

None of that package's own code is run.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from gateway.pages.assets import Asset, asset

PACKAGE: Final = "youplot"
FILES: Final = {
    "static/uplot/uplot.js": (
        "vendor/uplot.iife.min.js",
        "2d27e8ad3d228164525ce213f9dc716f39b4e3aee0cc773fb3491c96cf4921a2",
    ),
    "static/uplot/uplot.css": (
        "vendor/uplot.min.css",
        "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    ),
}
"""By the path it is served at: the file in the package, and the SHA-256 of uPlot's own release 1.6.31."""


def load() -> dict[str, Asset]:
    """Its files; those that are not there, or not what they should be, are left out: the page says so then."""
    spec = find_spec(PACKAGE)
    folders = spec.submodule_search_locations if spec is not None else None
    found: dict[str, Asset] = {}
    for path, (name, sha256) in FILES.items():
        for folder in folders or []:
            file = Path(folder) / name
            body = file.read_bytes() if file.is_file() else b""
            if hashlib.sha256(body).hexdigest() == sha256:
                found[path] = asset(file.name, body)
    return found
