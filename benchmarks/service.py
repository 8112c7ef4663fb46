"""The whole service over the timed model server, as benchmarks call it: with a key whose limits are out of the way."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.peers import Contestant
from infra.settings import KafkaSettings
from producers.events import Lane
from producers.log.topics import prompts
from tests.support.freezing import frozen
from tests.support.whole import Whole, whole
from tests.support.workers import read_topic

MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"


@contextmanager
def headrace(folder: Path, **settings: str) -> Iterator[tuple[Whole, Contestant]]:
    """The service, and how its gateway is called."""
    with whole(folder, **settings) as service:
        stack = service.stack
        port = urlsplit(stack["gateway_url"]).port or 80
        headers = {"Authorization": f"Bearer {an_unlimited_key(folder)}"}
        yield service, Contestant("Headrace", port, stack["processes"]["gateway"], headers, MODEL)


def an_unlimited_key(folder: Path) -> str:
    """A key that may do whatever a benchmark wants."""
    limits = ["--requests-per-minute", "1000000000", "--jobs-in-flight", "1000000000"]
    command = [sys.executable, "-m", "infra.cli", "keys", "create", "--tenant", "bench", "--name", "bench", "--json"]
    made = subprocess.run([*command, *limits], cwd=folder, check=True, capture_output=True)
    return str(json.loads(made.stdout)["api_key"])


def without_worker(service: Whole) -> AbstractContextManager[None]:
    """Meanwhile nothing is run: the worker stands still."""
    return frozen(service.stack["processes"]["worker"])


def jobs_in_log(service: Whole, lane: Lane) -> set[str]:
    """The jobs whose prompts the log holds."""
    kafka = KafkaSettings(bootstrap_servers=service.stack["kafka"])
    return {each.job_id for each in read_topic(kafka, prompts(lane)).events}
