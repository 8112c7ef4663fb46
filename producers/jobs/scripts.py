"""Lua scripts kept loaded in Redis, each put together from its parts: those beside this file, and other rooms' own."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from infra.errors import Unavailable
from infra.redis_line import Line
from infra.settings import RedisSettings

_HERE = Path(__file__).parent
_NOT_NOW = ("LOADING", "MISCONF", "BUSY", "READONLY", "OOM", "NOREPLICAS", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN")

Argument = str | bytes | int | float


class Library:
    """A folder of scripts: each stands on `common.lua` beside this file and on the parts named for it.

    All are read when the library is made, with its module: no event loop waits for a disk.
    """

    def __init__(self, folder: Path, parts: Mapping[str, tuple[str, ...]]) -> None:
        texts = {path.stem: path.read_text() for each in (_HERE, folder) for path in each.glob("*.lua")}
        needed = {"view_pass": ("view_step",), **parts}
        self._sources = {
            name: "\n".join(texts[part] for part in ("common", *needed.get(name, ()), name)) for name in texts
        }

    def source(self, name: str) -> str:
        """The whole text of a script: what all share, its own parts, and itself."""
        return self._sources[name]


JOBS = Library(
    _HERE,
    {
        "settle": ("settle_job",),
        "view_prompt": ("view_step",),
        "view_ending": ("settle_job", "view_step"),
        "view_conversation": ("conversation_home", "view_step"),
        "open_conversation": ("conversation_home",),
        "forget_conversation": ("conversation_home",),
    },
)


@dataclass(frozen=True)
class Call:
    """One script to be run, with what it is told."""

    name: str
    arguments: tuple[Argument, ...]


class Scripts:
    """Runs the scripts of a library by name under one key prefix; loads again what a fresh Redis does not know.

    With a `line`, `run` goes over it: for processes that run many scripts a second.
    """

    def __init__(
        self, redis: Redis, settings: RedisSettings, library: Library = JOBS, line: Line | None = None
    ) -> None:
        self.redis = redis
        self._line = line
        self.prefix = settings.prefix
        self._library = library
        self._loaded: dict[str, Any] = {}
        self._known: dict[str, str] = {}
        self._digests: dict[str, str] = {}

    async def run(self, name: str, *arguments: Argument) -> Any:
        """Run one script; its answer as Redis gives it.

        Raises:
            Unavailable: Redis does not answer.
        """
        if self._line is not None:
            return await self._run_on(self._line, name, arguments)
        script = self._loaded.get(name)
        if script is None:
            script = self._loaded[name] = self.redis.register_script(self._library.source(name))
        return await asked(script(args=[self.prefix, *arguments]))

    async def _run_on(self, line: Line, name: str, arguments: tuple[Argument, ...]) -> Any:
        text = self._library.source(name)
        known = self._digests.get(name)
        if known is None:
            known = self._digests[name] = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        try:
            return await asked(line.ask("EVALSHA", known, 0, self.prefix, *arguments))
        except ResponseError as error:
            if not str(error).startswith("NOSCRIPT"):
                raise
            return await asked(line.ask("EVAL", text, 0, self.prefix, *arguments))

    async def run_many(self, calls: Sequence[Call]) -> list[Any]:
        """Run scripts one after the other in one round trip; the answer or the ResponseError of each.

        Raises:
            Unavailable: Redis does not answer, or a Redis that was started anew had to be taught the scripts first;
                any of the calls may have run.
        """
        await self._teach({call.name for call in calls})
        # Any: on a pipeline a command is only noted, though its type says it must be awaited.
        pipeline: Any = self.redis.pipeline(transaction=False)
        for call in calls:
            pipeline.evalsha(self._known[call.name], 0, self.prefix, *call.arguments)
        answers: list[Any] = await asked(pipeline.execute(raise_on_error=False))
        for answer in answers:
            if isinstance(answer, NoScriptError):
                self._known.clear()
                raise Unavailable("redis", "redis was started anew and does not know our scripts", after_s=0.0)
            if isinstance(answer, Exception) and _is_not_now(answer):
                raise Unavailable("redis", str(answer)) from answer
        return answers

    async def _teach(self, names: set[str]) -> None:
        for name in names - self._known.keys():
            text = self._library.source(name)
            await asked(self.redis.script_load(text))
            self._known[name] = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


async def asked(answer: Any) -> Any:
    """Await one Redis command.

    Raises:
        Unavailable: Redis does not answer.
    """
    try:
        return await answer
    except (RedisConnectionError, RedisTimeoutError, OSError) as error:
        raise Unavailable("redis", f"redis does not answer: {error}") from error
    except ResponseError as error:
        if _is_not_now(error):
            raise Unavailable("redis", str(error)) from error
        raise


def _is_not_now(error: Exception) -> bool:
    """Whether Redis refuses for now (loading, out of memory, a replica) and not because the call is wrong."""
    if isinstance(error, ReadOnlyError | OutOfMemoryError | RedisConnectionError | RedisTimeoutError):
        return True
    return str(error).startswith(_NOT_NOW)
