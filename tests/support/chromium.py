"""Sees to it that there is a Chromium for the tests of the pages: `make test` runs this first.

The one on PATH is taken, else Playwright's own; where there is neither, one is installed if that can be done here.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ON_PATH = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
ON_A_MAC = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
APT: tuple[tuple[str, ...], ...] = (
    ("apt-get", "update", "-qq"),
    # Another run may be installing it just now: it is waited for.
    ("apt-get", "-o", "DPkg::Lock::Timeout=600", "install", "-qq", "--no-install-recommends", "chromium"),
)
PLAYWRIGHT: tuple[tuple[str, ...], ...] = ((sys.executable, "-m", "playwright", "install", "chromium"),)
HELP = """There is no Chromium here, and none could be installed; the tests of the pages need one. Do one of these:
  - install it from your system's packages (Debian, Ubuntu: apt-get install chromium; Fedora: dnf install chromium)
  - {python} -m playwright install --with-deps chromium"""


def on_this_machine() -> str | None:
    """The path of a Chromium that somebody installed; None where tests are to use Playwright's own."""
    found = (shutil.which(name) for name in ON_PATH)
    return next((path for path in (*found, *ON_A_MAC) if path and Path(path).exists()), None)


def playwrights_own() -> str | None:
    """The path of the Chromium in Playwright's folder, if it is there."""
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def install() -> bool:
    """Try each way to get one until there is one."""
    ways = [PLAYWRIGHT]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        ways.insert(0, APT)
    for way in ways:
        print(f"no Chromium for the tests of the pages yet; running {' '.join(way[-1])}", flush=True)
        for command in way:
            # A list of packages that cannot be renewed may still know this one.
            subprocess.run(command, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, check=False)
        if on_this_machine() or playwrights_own():
            return True
    return False


def main() -> int:
    """Nothing to say where there is one; 1 where there is none and none could be had."""
    if on_this_machine() or playwrights_own() or install():
        return 0
    print(HELP.format(python=sys.executable), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
