"""One worker for all tests of a module, and the timed model server it asks."""

from collections.abc import Iterator

import pytest

from stream_workers.settings import WorkerSettings
from tests.support.model_servers import ModelServer, timed_tgi
from tests.support.stack import RunningKafka, RunningRedis, a_prefix
from tests.support.workers import Workshop, workshop

__all__ = ["timed_tgi"]

SETTINGS = WorkerSettings(name="w1", lease_s=1.0, retries_s=("0.05", "0.05", "0.05"))


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, kafka: RunningKafka, redis_server: RunningRedis, timed_tgi: ModelServer
) -> Iterator[Workshop]:
    """A workshop where one worker runs."""
    folder, prefix = tmp_path_factory.mktemp("worker"), a_prefix()
    with workshop(folder, kafka.settings(prefix), redis_server.settings(prefix), timed_tgi.url) as found:
        worker = found.start(SETTINGS)
        yield found
        assert worker.terminate() == 0


@pytest.fixture
def tgi(timed_tgi: ModelServer) -> ModelServer:
    """The model server, as if just started."""
    timed_tgi.reset()
    timed_tgi.turn(first_token_ms=5, token_ms=1)
    return timed_tgi
