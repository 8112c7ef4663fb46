"""Real parts for tests: embedded Kafka and Redis that a test can stop, kill and start again."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from infra.local.kafka.embedded import EmbeddedKafka
from infra.local.processes.ports import free_ports
from infra.local.processes.process import Child, Command
from infra.local.redis import EmbeddedRedis
from infra.settings import KafkaSettings, LocalSettings, RedisSettings

# Children that outlive a test on purpose (those of session fixtures); the hygiene fixture lets them be.
SHARED_PIDS: set[int] = set()

_LAST_WORDS_BYTES = 2_000
# How long clients wait for a part that answers within 2 s or never: that a busy machine stood still for a while is no
# fault of what a test is about. Tests of a part that is away say themselves how long it is waited for.
_PATIENCE_S = 10.0


@dataclass
class RunningPart:
    """A part of the stack that runs; every method may be called again and again, from the main thread."""

    prepare: Callable[[], Command]
    shared: bool = False
    _child: Child | None = field(default=None, repr=False)

    @property
    def pid(self) -> int:
        """Process id of the running part."""
        assert self._child is not None, "the part does not run"
        return self._child.pid

    @property
    def log(self) -> Path:
        """Its log file."""
        return self.prepare().log

    @property
    def last_words(self) -> str:
        """The end of its log, which says why a test of it failed; empty before it ever ran."""
        return self.log.read_text(errors="replace")[-_LAST_WORDS_BYTES:] if self.log.exists() else ""

    def start(self) -> None:
        """Start it and wait until it serves."""
        self._spawn().wait_ready()

    async def started(self) -> None:
        """The same without blocking the loop."""
        await self._spawn().ready()

    def stop(self) -> None:
        """Stop it in order (SIGTERM) and wait."""
        if self._child is not None:
            self._child.wait_stopped()
            self._forget()

    async def stopped(self) -> None:
        """The same without blocking the loop."""
        if self._child is not None:
            await self._child.stopped()
            self._forget()

    def kill(self) -> None:
        """SIGKILL."""
        if self._child is not None:
            self._child.kill()
            self._forget()

    def restart(self) -> None:
        """Stop in order, start again."""
        self.stop()
        self.start()

    async def restarted(self) -> None:
        """The same without blocking the loop."""
        await self.stopped()
        await self.started()

    def _spawn(self) -> Child:
        assert self._child is None, "the part runs already"
        self._child = Child(self.prepare())
        if self.shared:
            SHARED_PIDS.add(self._child.pid)
        return self._child

    def _forget(self) -> None:
        assert self._child is not None
        SHARED_PIDS.discard(self._child.pid)
        self._child = None


@dataclass
class RunningKafka(RunningPart):
    """An embedded broker; its port and data stay the same over restarts."""

    bootstrap_servers: str = ""

    def settings(self, topic_prefix: str) -> KafkaSettings:
        """Settings for clients of this broker."""
        return KafkaSettings(
            bootstrap_servers=self.bootstrap_servers, topic_prefix=topic_prefix, ack_timeout_s=_PATIENCE_S
        )


@dataclass
class RunningRedis(RunningPart):
    """An embedded server; its port and data stay the same over restarts."""

    url: str = ""

    def settings(self, prefix: str) -> RedisSettings:
        """Settings for clients of this server."""
        return RedisSettings(url=self.url, prefix=prefix, timeout_s=_PATIENCE_S)


def a_kafka(folder: Path, *, shared: bool = False) -> RunningKafka:
    """A broker that is not started yet."""
    port, controller_port = free_ports(2)
    kafka = EmbeddedKafka(folder / "kafka", port, controller_port, LocalSettings())
    return RunningKafka(prepare=kafka.prepare, shared=shared, bootstrap_servers=kafka.address)


def a_redis(folder: Path, *, shared: bool = False) -> RunningRedis:
    """A server that is not started yet; a shared one is never started again, so it keeps its data in memory only.

    A disk that is busy for long makes Redis wait with every answer, and all tests beside with it.
    """
    redis = EmbeddedRedis(folder / "redis", free_ports(1)[0])
    return RunningRedis(prepare=partial(_in_memory, redis) if shared else redis.prepare, shared=shared, url=redis.url)


def _in_memory(redis: EmbeddedRedis) -> Command:
    command = redis.prepare()
    return replace(command, argv=(*command.argv, "--appendonly", "no"))


def a_prefix() -> str:
    """A name nobody else uses: before topics and groups, or before keys."""
    return f"t{secrets.token_hex(4)}."
