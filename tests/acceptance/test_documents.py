"""The pages a newcomer follows, followed to the letter on the whole running service."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.settings import PREFIX
from tests.support.documents import Shell, follow
from tests.support.stack import SHARED_PIDS
from tests.support.up import Running, headrace

DOCS = Path(__file__).parents[2] / "docs"

# The whole service starts first.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("clone")
    (folder / ".venv").symlink_to(sys.prefix)
    with headrace("up", folder, "--no-prompts") as running:
        SHARED_PIDS.add(running.process.pid)
        running.wait_for("Ctrl-C stops everything", within_s=150)
        yield running


@pytest.mark.parametrize(
    "page",
    [
        "tutorial.md",
        "client.md",
        "how-to/openai-clients.md",
        "how-to/receive-webhooks.md",
        "how-to/keys-and-limits.md",
        "how-to/training-data.md",
    ],
)
def test_a_page_does_what_it_says(page: str, up: Running) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}

    with Shell(up.folder, {**bare, "PATH": f"{sys.prefix}/bin:{bare['PATH']}"}) as shell:
        follow(DOCS / page, shell)
