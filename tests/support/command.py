"""The `headrace` command as a person runs it: a process with arguments, an environment and an exit code."""

import os
import subprocess
import sys
from pathlib import Path

from infra.settings import PREFIX, Block


def headrace(
    *arguments: str, settings: tuple[Block, ...] = (), folder: Path, given: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run it to its end in a folder of the test's own, with these settings and no others; `given` is its input."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    ours = {name: value for block in settings for name, value in block.to_env().items()}
    return subprocess.run(
        [sys.executable, "-m", "infra.cli", *arguments],
        cwd=folder,
        env={**bare, **ours, **variables},
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
