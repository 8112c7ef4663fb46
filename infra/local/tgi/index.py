"""Where a package index keeps a file: asked by its simple API (PEP 503; as JSON, PEP 691), at the index pip would ask.

pip could fetch the file itself, and does where this finds none; but what pip has begun it does not go on with after
Ctrl-C. What the index says is not believed: the file is known by its hash.
"""

import ast
import re
import subprocess
import sys
from html import unescape
from typing import Final
from urllib.parse import unquote, urljoin, urlsplit

import msgspec

from infra.local.disk.transfer import Patience
from infra.local.processes.process import leashed

_PYPI: Final = "https://pypi.org/simple"
_TYPES: Final = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_LINK: Final = re.compile(r"""<a\s[^>]*?href\s*=\s*["']([^"']+)["']""", re.IGNORECASE)
# The largest page that is read; that of a package with thousands of files has a few MB.
_MOST_BYTES: Final = 16 * 1024 * 1024


class _File(msgspec.Struct):
    url: str


class _Page(msgspec.Struct):
    files: list[_File]


def address_of(filename: str, project: str, index_url: str, patience: Patience) -> str:
    """Where the file is, without its fragment; empty where the index does not say, or pip is to ask none."""
    # Imported late: a start with a full cache does without.
    import requests  # noqa: PLC0415

    index = index_url or pips_index()
    if not index:
        return ""
    page = f"{index.rstrip('/')}/{project}/"
    timeout = (patience.connect_s, patience.silence_s)
    try:
        with requests.get(page, headers={"Accept": _TYPES}, timeout=timeout, stream=True) as response:
            response.raise_for_status()
            text = response.raw.read(_MOST_BYTES, decode_content=True).decode()
            links = links_of(text, is_json="json" in response.headers.get("Content-Type", ""), page=response.url)
    except (requests.RequestException, OSError, ValueError):
        return ""
    return next((each for each in links if unquote(urlsplit(each).path).rpartition("/")[2] == filename), "")


def links_of(text: str, *, is_json: bool, page: str) -> list[str]:
    """All files that a page of the index lists, as whole http(s) addresses. Pure.

    Raises:
        ValueError: it is no such page.
    """
    if is_json:
        found = [each.url for each in msgspec.json.decode(text, type=_Page).files]
    else:
        found = [unescape(each) for each in _LINK.findall(text)]
    whole = (urljoin(page, each).partition("#")[0] for each in found)
    return [each for each in whole if each.startswith(("https://", "http://"))]


def pips_index() -> str:
    """The index that pip would ask: by its files and by the environment; empty where it is to ask none."""
    listed = subprocess.run(
        leashed([sys.executable, "-m", "pip", "config", "list"]), capture_output=True, text=True, check=False
    )
    return index_in(listed.stdout)


def index_in(listed: str) -> str:
    """The index in what `pip config list` prints: the environment counts, then the command, then all. Pure."""
    settings = dict(line.split("=", 1) for line in listed.splitlines() if "=" in line)
    for scope in (":env:", "download", "global"):
        if ast.literal_eval(settings.get(f"{scope}.no-index", "''")) not in ("", "0", "false", "no", "off"):
            return ""
    written = (settings.get(f"{scope}.index-url") for scope in (":env:", "download", "global"))
    return str(ast.literal_eval(next((each for each in written if each), repr(_PYPI))))
