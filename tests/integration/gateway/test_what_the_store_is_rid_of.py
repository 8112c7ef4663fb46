"""What a gateway that died leaves in the store: another one takes it away, in time."""

import os
from pathlib import Path
from typing import Any

import pytest

from gateway.batches.writing import error_file_id, output_file_id
from gateway.files.sweeping import BEGUN_MS
from gateway.keys import CLOCK, FILES, PUBLISHER
from infra.settings import KafkaSettings, RedisSettings
from producers.events import FileStored
from tests.support.eventually import eventually
from tests.support.files import a_line, answering, comes_to, submit, with_store
from tests.support.gateway import a_gateway, a_played_worker


async def test_what_a_dead_gateway_was_writing_and_its_outputs_do_not_stay(
    log_settings: KafkaSettings, redis_settings: RedisSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, young = tmp_path / "file-old#1", tmp_path / "file-young#2"
    for each in (old, young):
        each.write_bytes(b"half")
    os.utime(old, times=(0, young.stat().st_mtime - BEGUN_MS / 1000 - 60))

    async with (
        a_gateway(log_settings, redis_settings, parts=with_store(tmp_path)) as gateway,
        a_played_worker(gateway) as worker,
    ):
        pen, files = gateway.app[PUBLISHER], gateway.app[FILES]
        publish, doomed = pen.publish, set[str]()

        async def look_then_publish(topic: Any, key: str, event: Any, *more: Any) -> Any:
            if isinstance(event, FileStored):  # it is written, and whoever dies now leaves it
                doomed.update(await files.doomed(event.expires_ms, 100))
            return await publish(topic, key, event, *more)

        monkeypatch.setattr(pen, "publish", look_then_publish)
        async with answering(worker):
            batch_id = await submit(gateway, [a_line("a"), a_line("b", "fail")])
            ended = await comes_to(gateway, batch_id, "completed")
        await eventually(lambda: not old.exists(), what="what was begun long ago to be gone")
        soon = await files.doomed(gateway.app[CLOCK].now_ms() + 2 * 86_400_000 + 60_000, 100)

    assert young.exists()
    assert (ended["output_file_id"], ended["error_file_id"]) == (output_file_id(batch_id), error_file_id(batch_id))
    assert {output_file_id(batch_id), error_file_id(batch_id)} <= doomed
    assert not {output_file_id(batch_id), error_file_id(batch_id)} & set(soon), "what is kept has its own time"
