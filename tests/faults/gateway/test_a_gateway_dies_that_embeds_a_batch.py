"""SIGKILL of the gateway that embeds a batch, and Redis forgets how far it was: no line is told of twice."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.batches import parts
from gateway.batches.runner import BATCH_RUNNER
from gateway.batches.settings import BatchSettings
from gateway.embeddings.settings import EmbeddingsSettings
from gateway.files.settings import FilesSettings
from infra.settings import KafkaSettings, RedisSettings
from producers.log.topics import EMBEDDINGS
from tests.support.embedding_server import PlayedEmbeddings
from tests.support.eventually import eventually
from tests.support.files import a_line_of_texts, comes_to, submit, with_embeddings
from tests.support.gateway import Log, RunningGateway, a_gateway
from tests.support.gateway_process import AN_HOUR_S, a_process, known

LINES = 5 * parts.LINES

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
async def gateway(
    log_settings: KafkaSettings, redis_settings: RedisSettings, tmp_path: Path, embedding_server: PlayedEmbeddings
) -> AsyncIterator[RunningGateway]:
    """It takes batches and runs none."""
    given = with_embeddings(tmp_path / "files", embedding_server.url, lines_in_flight=0)
    async with a_gateway(log_settings, redis_settings, parts=given) as running:
        yield running


async def test_the_next_gateway_goes_on_where_the_last_whole_part_ends(
    gateway: RunningGateway, embedding_server: PlayedEmbeddings, tmp_path: Path
) -> None:
    embedding_server.holds_after = 2 * parts.LINES + 3
    log = Log(gateway.kafka, [EMBEDDINGS])
    await log.start()
    settings = (
        FilesSettings(dir=str(tmp_path / "files")),
        BatchSettings(look_every_s=0.05, lease_s=1.0),
        EmbeddingsSettings(url=embedding_server.url),
    )
    async with a_process(gateway.kafka, gateway.redis, tmp_path, AN_HOUR_S, *settings) as dying:
        gateway.http.headers.update(await known(gateway, dying))
        batch_id = await submit(
            gateway, [a_line_of_texts(f"line {n}", f"text {n}") for n in range(LINES)], endpoint="/v1/embeddings"
        )
        await eventually(lambda: embedding_server.texts.total() >= 2 * parts.LINES + 3, what="a third part under way")
        dying.process.kill()
        await dying.process.wait()
    await gateway.scripts.redis.delete(f"{gateway.scripts.prefix}batch:{batch_id}:progress")
    embedding_server.go_on.set()
    gateway.app[BATCH_RUNNER].lines_in_flight = 8
    ended = await comes_to(gateway, batch_id, "completed", within_s=150)
    content = (await gateway.get(f"/v1/files/{ended['output_file_id']}/content")).content
    told = [json.loads(each)["custom_id"] for each in content.splitlines()]
    rows = {(each.embeddings_id, each.at_ms) for each in [(await log.next(gateway.tenant))[0] for _ in range(LINES)]}
    await log.close()

    assert told == [f"line {n}" for n in range(LINES)]
    assert ended["request_counts"] == {"total": LINES, "completed": LINES, "failed": 0}
    twice = {text for text, times in embedding_server.texts.items() if times > 1}
    assert twice <= {f"text {n}" for n in range(2 * parts.LINES, 3 * parts.LINES)}
    assert len(rows) >= LINES - parts.LINES
