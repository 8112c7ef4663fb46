"""The parts we depend on: whether each answers, in which version, and after how long."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from infra import clickhouse, kafka, redis, stack_file
from infra.errors import Unavailable
from infra.settings import ClickHouseSettings, KafkaSettings, RedisSettings, TgiSettings, without_password
from infra.stack_file import Stack

_TGI_S: Final = 5.0
_NOT_KNOWN: Final = "no address is given, and no stack runs here: `headrace up` starts one"


@dataclass(frozen=True)
class Part:
    """One part as it was found; `failure` is empty where it answers."""

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
    """Ask every part for its version, all at once; their addresses are those of the settings, or else the stack's.

    Raises:
        WrongSetting: a setting is wrong; the message names it.
    """
    kafka_, redis_ = KafkaSettings.from_env(), RedisSettings.from_env()
    clickhouse_, tgi = ClickHouseSettings.from_env(), TgiSettings.from_env()
    log, view = stack_file.addressed(kafka_, stack), stack_file.addressed(redis_, stack)
    store, model = stack_file.addressed(clickhouse_, stack), stack_file.addressed(tgi, stack)
    parts = await asyncio.gather(
        _examine("kafka", log.bootstrap_servers, not kafka_.bootstrap_servers, lambda: _kafka(log)),
        _examine("redis", view.url, not redis_.url, lambda: _redis(view)),
        _examine("clickhouse", store.url, not clickhouse_.url, lambda: _clickhouse(store)),
        _examine("tgi", model.url, not tgi.url, lambda: _tgi(model)),
    )
    return list(parts)


async def _examine(name: str, address: str, from_stack: bool, ask: Callable[[], Awaitable[str]]) -> Part:
    shown = without_password(address)
    if not address:
        return Part(name, "", from_stack=False, failure=_NOT_KNOWN)
    began_s = time.perf_counter()
    try:
        version = await ask()
    # A doctor must not fall ill himself: whatever a client raises, the part does not answer.
    except Exception as error:
        reason = without_password(" ".join(str(error).split())) or type(error).__name__
        return Part(name, shown, from_stack, took_ms=_ms_since(began_s), failure=reason)
    return Part(name, shown, from_stack, version, _ms_since(began_s))


def _ms_since(began_s: float) -> float:
    return round((time.perf_counter() - began_s) * 1000, 1)


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
    url = settings.url.rstrip("/")
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
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
