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
from infra.settings import RedisSettings
from producers.jobs.coalescing import Coalescing

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
        "accept": ("budget",),
        "count_request": ("budget",),
        "settle": ("settle_job",),
        "view_prompt": ("view_step",),
        "view_ending": ("settle_job", "view_step"),
        "view_conversation": ("conversation_home", "view_step"),
        "open_conversation": ("conversation_home",),
        "update_conversation": ("conversation_home",),
        "forget_conversation": ("conversation_home",),
    },
)


@dataclass(frozen=True)
class Call:
    """One script to be run, with what it is told."""

    name: str
    arguments: tuple[Argument, ...]

    @property
    def size_bytes(self) -> int:
        """About what it weighs on its way; of a text the characters count."""
        return sum(len(each) for each in self.arguments if isinstance(each, str | bytes))


class Scripts:
    """Runs the scripts of a library by name under one key prefix; loads again what a fresh Redis does not know."""

    def __init__(self, redis: Redis, settings: RedisSettings, library: Library = JOBS) -> None:
        self.redis = redis
        self.prefix = settings.prefix
        self._library = library
        self._digests: dict[str, str] = {}
        self._taught: set[str] = set()
        self._coalescing = Coalescing(self._run_each, lambda call: call.size_bytes)

    async def run(self, name: str, *arguments: Argument) -> Any:
        """Run one script, in one round trip with others that are asked for at the same time; its answer.

        Raises:
            Unavailable: Redis does not answer; the script may have run.
        """
        return await self._coalescing.ask(Call(name, arguments))

    async def run_many(self, calls: Sequence[Call]) -> list[Any]:
        """Run scripts one after the other in one round trip; the answer or the ResponseError of each.

        Raises:
            Unavailable: Redis does not answer, or a Redis that was started anew had to be taught the scripts first;
                any of the calls may have run.
        """
        answers = await self._send(calls)
        for answer in answers:
            if isinstance(answer, NoScriptError):
                self._taught.clear()
                raise _untaught()
            if isinstance(answer, Exception) and _is_not_now(answer):
                raise Unavailable("redis", str(answer)) from answer
        return answers

    async def _run_each(self, calls: Sequence[Call]) -> list[Any]:
        """Run scripts that have nothing to do with one another: what became of one says nothing of the others."""
        answers = await self._send(calls)
        unknown = [at for at, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if unknown:  # these did not run
            self._taught.clear()
            again = await self._send([calls[at] for at in unknown])
            for at, answer in zip(unknown, again, strict=True):
                answers[at] = _untaught() if isinstance(answer, NoScriptError) else answer
        return [_as_unavailable(each) if isinstance(each, Exception) else each for each in answers]

    async def _send(self, calls: Sequence[Call]) -> list[Any]:
        # Any: on a pipeline a command is only noted, though its type says it must be awaited.
        pipeline: Any = self.redis.pipeline(transaction=False)
        untaught = {call.name for call in calls} - self._taught
        for name in untaught:
            pipeline.script_load(self._library.source(name))
        for call in calls:
            pipeline.evalsha(self._digest(call.name), 0, self.prefix, *call.arguments)
        answers: list[Any] = await asked(pipeline.execute(raise_on_error=False))
        self._taught |= untaught
        return answers[len(untaught) :]

    def _digest(self, name: str) -> str:
        known = self._digests.get(name)
        if known is None:
            text = self._library.source(name).encode()
            known = self._digests[name] = hashlib.sha1(text, usedforsecurity=False).hexdigest()
        return known


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


def _as_unavailable(error: Exception) -> Exception:
    """The error, or Unavailable where Redis refuses for now."""
    return Unavailable("redis", str(error)) if _is_not_now(error) else error


def _untaught() -> Unavailable:
    return Unavailable("redis", "redis was started anew and does not know our scripts", after_s=0.0)


def _is_not_now(error: Exception) -> bool:
    """Whether Redis refuses for now (loading, out of memory, a replica) and not because the call is wrong."""
    if isinstance(error, ReadOnlyError | OutOfMemoryError | RedisConnectionError | RedisTimeoutError):
        return True
    return str(error).startswith(_NOT_NOW)
