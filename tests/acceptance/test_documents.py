"""The pages a newcomer follows, followed to the letter on the whole running service."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.client.settings import ClientSettings
from gateway.settings import GatewaySettings
from infra.local.processes.ports import free_ports
from infra.settings import PREFIX, Block, CommonSettings, KafkaSettings, RedisSettings, TgiSettings
from tests.support.clickhouse import GivenClickHouse, a_database
from tests.support.documents import Shell, follow
from tests.support.stack import SHARED_PIDS, a_prefix
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
        "batches.md",
        "embeddings.md",
        "how-to/openai-clients.md",
        "how-to/receive-webhooks.md",
        "how-to/keys-and-limits.md",
        "how-to/training-data.md",
    ],
)
def test_a_page_does_what_it_says(page: str, up: Running) -> None:
    with Shell(up.folder, environment()) as shell:
        follow(DOCS / page, shell)


def test_parts_of_ones_own_serve_processes_started_one_by_one(up: Running, tmp_path: Path) -> None:
    told, prefix = up.stack(), a_prefix()
    with a_database(GivenClickHouse(told["clickhouse"])) as database:
        blocks = (
            KafkaSettings(bootstrap_servers=told["kafka"], topic_prefix=prefix),
            RedisSettings(url=told["redis"], prefix=prefix),
            database.settings,
            TgiSettings(url=told["tgi"]),
            CommonSettings(secret_key="a key of more than thirty-two characters"),
            GatewaySettings(port=free_ports(1)[0]),
            ClientSettings(reach_s=90.0, patience_s=90.0),
        )
        with Shell(tmp_path, environment(*blocks)) as shell:
            follow(DOCS / "how-to" / "your-own-parts.md", shell)


def environment(*blocks: Block) -> dict[str, str]:
    """These settings and no others, and our commands."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    ours = {name: value for block in blocks for name, value in block.to_env().items()}
    return {**bare, **ours, "PATH": f"{sys.prefix}/bin:{bare['PATH']}"}
