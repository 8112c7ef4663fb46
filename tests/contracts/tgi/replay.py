"""All recordings, sent again to both servers: what was found, exchange by exchange."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp.test_utils import TestServer

from infra.clock import SystemClock
from infra.local.tgi.app import ROUTES, application
from infra.local.tgi.engine import Engine
from infra.local.tgi.llama.engine import LlamaEngine
from infra.local.tgi.metrics import Metrics
from infra.local.tgi.model import model_file
from infra.local.tgi.service import Service
from infra.local.tgi.template import ChatTemplate
from infra.local.tgi.timed.engine import TimedEngine
from infra.settings import LocalSettings
from tests.contracts.tgi import stages
from tests.contracts.tgi.exchanges import GROUPS, RECORDED_LIMITS, Scenario, recorded, scenarios, send
from tests.contracts.tgi.likeness import differences
from tests.contracts.tgi.staged import Staged
from tests.support.model_servers import model_server

NOWHERE = "/… (no such path)"
AT_A_TIME = 4
PATIENCE_S = 300.0

SCRIPTED = "the recorded model obeyed its prompt, failed to order or was killed, as only the timed one can be"
LONG_ANSWERS = "a thousand tokens and more take the real model a minute; both share the code that counts them"
_ENDLESS = {"generate-json_array_body", "generate-no_parameters_at_all"}  # sampled up to the context's end
_UNSTAGED = {
    "fail": SCRIPTED,
    "shard_": SCRIPTED,
    "tool_": SCRIPTED,
    "special_token": SCRIPTED,
    "stop_mid": SCRIPTED,
    "whale": SCRIPTED,
    "sse_keepalive": SCRIPTED,
    "no_parameters_sampled": SCRIPTED,
    "parameters_empty": SCRIPTED,
    "chat_no_max": SCRIPTED,
    "completions_no_max": LONG_ANSWERS,
    "max_new_tokens": LONG_ANSWERS,
}


def why_not_sent(engine: str, name: str) -> str:
    """Why that engine is not asked what was recorded under that name; empty if it is."""
    if engine == "timed":
        return ""
    if name in _ENDLESS:
        return LONG_ANSWERS
    return next((why for start, why in _UNSTAGED.items() if name.startswith(start)), "")


@dataclass(frozen=True)
class Finding:
    """How one recording was answered; `skipped` says why it was not sent."""

    engine: str
    route: str
    name: str
    differences: tuple[str, ...] = ()
    skipped: str = ""

    @property
    def alike(self) -> bool:
        """Whether it was sent, and answered as TGI answered it."""
        return not self.differences and not self.skipped


def replay(engine: str) -> list[Finding]:
    """Everything that was recorded, to one engine."""
    return asyncio.run(_all(engine))


async def _all(engine: str) -> list[Finding]:
    singles = await _requests(engine)
    if engine == "timed":
        return singles + [await _scenario(engine, each, None) for each in scenarios()]
    model = model_file(LocalSettings.from_env())
    loaded = LlamaEngine(model, slots=1, max_total_tokens=stages.RECORDED.max_total_tokens)
    await loaded.load()
    try:
        return singles + [await _scenario(engine, each, loaded) for each in scenarios()]
    finally:
        await loaded.close()


async def _requests(engine: str) -> list[Finding]:
    """Every recorded single request, to `headrace tgi` in a process of its own."""
    with model_server(*RECORDED_LIMITS, *(["--timed"] if engine == "timed" else [])) as server:
        turn = asyncio.Semaphore(AT_A_TIME)
        async with _a_session() as session:

            async def one(name: str) -> Finding:
                exchange = known[name]
                if why := why_not_sent(engine, name):
                    return Finding(engine, exchange.request.path, name, skipped=why)
                async with turn:
                    got = await send(session, server.url, exchange.request, exchange.name)
                path = exchange.request.path.partition("?")[0]
                return Finding(
                    engine, path if path in ROUTES else NOWHERE, name, tuple(differences(exchange.response, got))
                )

            known = {f"{group}-{each.name}": each for group in GROUPS for each in recorded(group)}
            return list(await asyncio.gather(*(one(name) for name in known)))


async def _scenario(engine: str, scenario: Scenario, model: Engine | None) -> Finding:
    """One scenario, on a server of its own over the loaded model, or over a timed engine of its own."""
    about = stages.theme(scenario)
    if why := why_not_sent(engine, scenario.name):
        return Finding(engine, about, scenario.name, skipped=why)
    options, slots = stages.options_of(scenario)
    made = model or _timed(scenario, slots)
    clock = SystemClock()
    template = ChatTemplate(stages.template_of(scenario), clock)
    service = Service(options, made, clock, Metrics(options), template)
    async with asyncio.timeout(PATIENCE_S), TestServer(application(service)) as server, _a_session() as session:
        found = await Staged(scenario, service, str(server.make_url("")).rstrip("/"), session).play()
    return Finding(engine, about, scenario.name, tuple(found))


def _timed(scenario: Scenario, slots: int) -> TimedEngine:
    engine = TimedEngine(stages.knobs_of(scenario, slots))
    engine.faults = stages.faults_of(scenario)
    return engine


@asynccontextmanager
async def _a_session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S)) as session:
        yield session
