"""`headrace gateway` as a child of a test, beside the test's own gateway."""

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.settings import GatewaySettings
from infra.local.processes.ports import free_ports
from infra.settings import Block, KafkaSettings, RedisSettings, ServiceSettings, child_environment
from tests.support.eventually import eventually
from tests.support.gateway import MODEL, RunningGateway

AN_HOUR_S = 3600.0
"""A drain that no test lives to see the end of: what happens within it waited for something else."""


@dataclass
class GatewayProcess:
    """A running `headrace gateway`."""

    process: asyncio.subprocess.Process
    url: str

    async def ended(self) -> tuple[int, str]:
        """Its exit code and log."""
        _, log = await asyncio.wait_for(self.process.communicate(), 60.0)
        assert self.process.returncode is not None
        return self.process.returncode, log.decode()


@asynccontextmanager
async def a_process(
    kafka: KafkaSettings, redis: RedisSettings, folder: Path, drain_s: float, *blocks: Block, **settings: Any
) -> AsyncIterator[GatewayProcess]:
    """A gateway process that is ready; it is killed if the test leaves it running."""
    port, ready_file = free_ports(1)[0], folder / "ready"
    service = ServiceSettings(ready_file=str(ready_file), drain_s=drain_s)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "infra.cli", "gateway", "--port", str(port),
        env=child_environment(kafka, redis, service, GatewaySettings(models=(MODEL,), **settings), *blocks),
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        await eventually(ready_file.exists, within_s=45, what="the ready file")
        scheme = "https" if "tls_certificate_file" in settings else "http"
        yield GatewayProcess(process, f"{scheme}://127.0.0.1:{port}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def known(gateway: RunningGateway, process: GatewayProcess, tls: ssl.SSLContext | bool = True) -> dict[str, str]:
    """Headers with a key that the process has read from the registry."""
    issued = await gateway.issue(gateway.tenant)
    headers = {"Authorization": f"Bearer {issued.api_key}"}

    async def is_known() -> bool:
        async with gateway.http.get(f"{process.url}/v1/models", headers=headers, ssl=tls) as response:
            return response.status == 200

    await eventually(is_known, what="the key in the process")
    return headers
