"""Files and exports, too, have no endless patience with a reader that takes nothing."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.settings import KafkaSettings, RedisSettings
from tests.support.eventually import eventually
from tests.support.files import upload, with_store
from tests.support.gateway import RunningGateway, a_gateway

PIECE = 900_000
PIECES = 12


@pytest.fixture
async def gateway(
    log_settings: KafkaSettings, redis_settings: RedisSettings, tmp_path: Path
) -> AsyncIterator[RunningGateway]:
    async with a_gateway(log_settings, redis_settings, parts=with_store(tmp_path), slow_reader_s=0.3) as running:
        yield running


async def a_file(gateway: RunningGateway) -> str:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(PIECES):
            yield b"x" * PIECE

    return f"/v1/files/{(await upload(gateway, pieces())).json['id']}/content"


async def a_conversation(gateway: RunningGateway) -> str:
    here = f"/v1/conversations/{(await gateway.post('/v1/conversations', {})).json['id']}"
    for _ in range(PIECES):
        item = {"type": "message", "role": "user", "content": "x" * PIECE}
        added = await gateway.post(f"{here}/items", {"items": [item]})
        assert added.status == 200, added.json
    return f"{here}/export"


@pytest.mark.parametrize("large", [a_file, a_conversation])
async def test_a_reader_that_takes_nothing_is_cut_off(
    gateway: RunningGateway, large: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert callable(large)
    path = await large(gateway)
    caplog.set_level(logging.INFO, "gateway.readers.patience")
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await asyncio.to_thread(sock.connect, ("127.0.0.1", int(gateway.url.rsplit(":", 1)[1])))
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.key.api_key}\r\n\r\n".encode())
        await eventually(lambda: "takes nothing" in caplog.text, what="a reader that is cut off")
        taken = await asyncio.to_thread(lambda: sum(map(len, iter(lambda: sock.recv(1_000_000), b""))))

    assert taken < PIECES * PIECE
