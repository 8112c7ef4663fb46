"""The parts we depend on and the processes of a stack: whether each answers, in which version, and after how long."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import aiohttp

from infra import clickhouse, kafka, redis, stack_file, tls
from infra.errors import Unavailable, WrongSetting
from infra.settings import Block, ClickHouseSettings, KafkaSettings, RedisSettings, TgiSettings, without_password
from infra.stack_file import Stack

_TGI_S: Final = 5.0
_PROCESS_S: Final = 2.0
_NOT_KNOWN: Final = "no address is given, and no stack runs here; `headrace up` starts one"
_NOT_ASKED: Final = "not asked: its settings are wrong"

Settings = TypeVar("Settings", bound=Block)


@dataclass(frozen=True)
class Part:
    """One part or process as it was found; `failure` is empty where it answers."""

    name: str
    address: str
    from_stack: bool
    version: str = ""
    took_ms: float = 0.0
    failure: str = ""

    @property
    def reachable(self) -> bool:
        """Whether it answers."""
        return not self.failure


async def examine(stack: Stack | None) -> list[Part]:
    """Ask every part for its version, all at once; their addresses are those of the settings, or else the stack's."""
    parts = await asyncio.gather(
        _examine("kafka", KafkaSettings, stack, _kafka),
        _examine("redis", RedisSettings, stack, _redis),
        _examine("clickhouse", ClickHouseSettings, stack, _clickhouse),
        _examine("tgi", TgiSettings, stack, _tgi),
    )
    return list(parts)


async def visit(stack: Stack | None) -> list[Part]:
    """Ask every process of the running stack whether it is ready; addresses are those of its metrics."""
    known = stack.metrics.items() if stack is not None else ()
    return await asyncio.gather(*(_timed(Part(name, url, from_stack=True), _process(url)) for name, url in known))


async def _examine(
    name: str, block: type[Settings], stack: Stack | None, ask: Callable[[Settings], Awaitable[str]]
) -> Part:
    try:
        given = block.from_env()
    except WrongSetting:
        return Part(name, "", from_stack=False, failure=_NOT_ASKED)
    try:
        settings = stack_file.addressed(given, stack)
    except (WrongSetting, Unavailable) as error:
        return Part(name, "", from_stack=False, failure=str(error))
    address = stack_file.address_of(settings)
    if not address:
        return Part(name, "", from_stack=False, failure=_NOT_KNOWN)
    found = Part(name, without_password(address), from_stack=not stack_file.address_of(given))
    return await _timed(found, ask(settings))


async def _timed(found: Part, asked: Awaitable[str]) -> Part:
    began_s = time.perf_counter()
    try:
        version = await asked
    # A doctor must not fall ill himself: whatever a client raises, the part does not answer.
    except Exception as error:
        reason = without_password(" ".join(str(error).split())) or type(error).__name__
        return replace(found, failure=reason, took_ms=_ms_since(began_s))
    return replace(found, version=version, took_ms=_ms_since(began_s))


def _ms_since(began_s: float) -> float:
    return round((time.perf_counter() - began_s) * 1000, 1)


async def _process(metrics_url: str) -> str:
    readyz = f"{metrics_url.removesuffix('/metrics')}/readyz"
    timeout = aiohttp.ClientTimeout(total=_PROCESS_S)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(readyz) as response:
        if response.status != 200:
            raise Unavailable("process", f"GET {readyz} answers {response.status}: {(await response.text())[:200]}")
    return "ready"


async def _kafka(settings: KafkaSettings) -> str:
    def ask() -> str:
        with closing(kafka.admin(settings)) as admin:
            brokers = admin.describe_cluster()["brokers"]
            version = admin.get_broker_version_data(brokers[0]["broker_id"]).broker_version
        return f"{'.'.join(map(str, version))}, {len(brokers)} broker{'s' if len(brokers) > 1 else ''}"

    return await asyncio.to_thread(ask)


async def _redis(settings: RedisSettings) -> str:
    client: Any = redis.client(settings, connections=1)
    try:
        return str((await client.info("server"))["redis_version"])
    finally:
        await client.aclose()


async def _clickhouse(settings: ClickHouseSettings) -> str:
    def ask() -> str:
        client = clickhouse.client_of_server(settings)
        try:
            return str(client.execute("SELECT version()")[0][0])
        except clickhouse.FAILURES as error:
            raise clickhouse.unavailable(error) from error
        finally:
            client.disconnect()

    return await asyncio.to_thread(ask)


async def _tgi(settings: TgiSettings) -> str:
    headers = {"Authorization": f"Bearer {settings.api_key}"} if settings.api_key else {}
    timeout = aiohttp.ClientTimeout(total=_TGI_S)
    trust = tls.towards(settings.ca_file) if settings.ca_file else True
    connector = aiohttp.TCPConnector(ssl=trust)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout, connector=connector) as session:
        return "; ".join([await _server(session, each) for each in settings.urls])


async def _server(session: aiohttp.ClientSession, url: str) -> str:
    async with session.get(f"{url}/info") as response:
        if response.status == 200:
            info = await response.json(content_type=None)
            return f"{info['version']}, {info['model_id']}"
    # vLLM, llama.cpp and others know only OpenAI's routes.
    async with session.get(f"{url}/v1/models") as response:
        if response.status != 200:
            raise Unavailable("tgi", f"GET {url}/v1/models answers {response.status}")
        models = await response.json(content_type=None)
        return f"OpenAI-style, {', '.join(each['id'] for each in models['data'])}"
