"""The gateway's door: TLS whose certificate can be renewed, known proxies, and who may knock how often."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from infra import tls
from infra.settings import KafkaSettings, RedisSettings
from tests.support.certificates import Authority
from tests.support.eventually import eventually
from tests.support.gateway import RunningGateway, a_gateway
from tests.support.gateway_process import AN_HOUR_S, a_process, known

pytestmark = pytest.mark.timeout(300)

ELSEWHERE = "203.0.113.7"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "pki")


async def test_https_is_spoken_and_a_certificate_renewed_under_it_is_taken(
    gateway: RunningGateway, redis_settings: RedisSettings, authority: Authority, tmp_path: Path
) -> None:
    pair = await asyncio.to_thread(authority.pair)
    files = {"tls_certificate_file": str(pair.certificate), "tls_key_file": str(pair.key), "tls_look_every_s": 0.05}
    context = await asyncio.to_thread(tls.towards, authority.ca_file)

    async def shown(url: str) -> int:
        _, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]), ssl=context)
        certificate = writer.get_extra_info("peercert")
        writer.close()
        await writer.wait_closed()
        return int(certificate["serialNumber"], 16)

    async def is_renewed(url: str) -> bool:
        return await shown(url) > first

    async with a_process(gateway.kafka, redis_settings, tmp_path, drain_s=AN_HOUR_S, **files) as process:
        await known(gateway, process, context)
        first = await shown(process.url)
        await asyncio.to_thread(authority.pair)
        await eventually(partial(is_renewed, process.url), what="the renewed certificate")
        with pytest.raises(aiohttp.ClientConnectionError):
            await gateway.http.get(process.url.replace("https", "http"))
        process.process.send_signal(signal.SIGHUP)
        assert await shown(process.url) == 3
        process.process.send_signal(signal.SIGTERM)
        code, log = await process.ended()

    assert first == 2
    assert code == 0, log
    assert "nothing is encrypted" not in log


@pytest.fixture
async def strict(log_settings: KafkaSettings, redis_settings: RedisSettings) -> AsyncIterator[RunningGateway]:
    """A gateway that takes two unknown keys a minute from one address, and believes this machine's proxies."""
    async with a_gateway(
        log_settings, redis_settings, failed_sign_ins_per_minute=2, trusted_proxies=("127.0.0.1",)
    ) as running:
        yield running


async def test_an_address_that_goes_on_guessing_keys_is_told_to_wait_and_whoever_knows_one_is_not(
    strict: RunningGateway,
) -> None:
    told = [await strict.get("/v1/models", Authorization=f"Bearer sk-{n}") for n in range(4)]
    known = await strict.get("/v1/models")

    assert [each.status for each in told] == [401, 401, 429, 429]
    assert 0 < int(told[-1].headers["Retry-After"]) <= 60
    assert known.status == 200


async def test_the_log_names_the_client_and_the_scheme_and_host_that_it_used(
    strict: RunningGateway, caplog: pytest.LogCaptureFixture
) -> None:
    said = {"X-Forwarded-For": ELSEWHERE, "X-Forwarded-Proto": "https", "X-Forwarded-Host": "chat.example"}
    with caplog.at_level(logging.WARNING, "gateway"):
        for n in range(3):
            await strict.get("/v1/models", Authorization=f"Bearer sk-{n}", **said)

    (line,) = [each for each in caplog.records if each.getMessage() == "one address sends unknown API keys"]
    assert [getattr(line, name) for name in ("client", "scheme", "host")] == [ELSEWHERE, "https", "chat.example"]


@asynccontextmanager
async def a_proxy(url: str, client: str) -> AsyncIterator[str]:
    """A proxy that says of all that it is asked that this client asked it, as proxies do: at the right of the rest."""

    async def forward(request: web.Request) -> web.Response:
        said = ", ".join([*request.headers.getall("X-Forwarded-For", []), client])
        headers = {"Authorization": request.headers["Authorization"], "X-Forwarded-For": said}
        async with http.get(f"{url}{request.path_qs}", headers=headers) as response:
            return web.Response(status=response.status, body=await response.read())

    app = web.Application()
    app.router.add_get("/{path:.*}", forward)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as http:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_behind_a_known_proxy_each_client_counts_for_itself_whatever_it_makes_up(strict: RunningGateway) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer sk-wrong"}) as http:

        async def asked(url: str, **said: str) -> int:
            async with http.get(f"{url}/v1/models", headers={k.replace("_", "-"): v for k, v in said.items()}) as told:
                return told.status

        async with a_proxy(strict.url, ELSEWHERE) as one, a_proxy(strict.url, "198.51.100.9") as other:
            spoofed = [await asked(one, X_Forwarded_For=f"198.51.100.{n}") for n in range(3)]
            neighbour = await asked(other)

    assert spoofed == [401, 401, 429]
    assert neighbour == 401
