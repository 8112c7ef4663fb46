"""Lua scripts kept loaded in Redis, each put together from its parts: those of this room, and other rooms' own.

What is asked for at the same time, scripts and plain commands, shares a round trip.
"""

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError, NoScriptError, OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from infra.errors import Unavailable
from infra.redis_line import Line, pack
from infra.settings import RedisSettings
from producers.state.coalescing import Coalescing

_PRODUCERS = Path(__file__).parents[1]
_NEEDS = re.compile(r"^-- needs: (.+)$", re.MULTILINE)
_NOT_NOW = ("LOADING", "MISCONF", "BUSY", "READONLY", "OOM", "NOREPLICAS", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN")

Argument = str | bytes | int | float


class Library:
    """The scripts below a folder, and those of this room: each stands on `common.lua` and on the parts that it needs.

    A line `-- needs: budget, conversation` names them, in a script or in a part that has parts of its own. All are read
    when the library is made, with its module: no event loop waits for a disk.
    """

    def __init__(self, folder: Path = _PRODUCERS) -> None:
        texts = {path.stem: path.read_text() for each in (_PRODUCERS, folder) for path in each.rglob("*.lua")}
        self._sources = {name: "\n".join(texts[part] for part in _whole(name, texts)) for name in texts}

    def source(self, name: str) -> str:
        """The whole text of a script: what all share, its own parts, and itself."""
        return self._sources[name]


def _whole(name: str, texts: Mapping[str, str], before: tuple[str, ...] = ("common",)) -> tuple[str, ...]:
    """What stands before a script, each once and behind what it needs itself, and the script."""
    named = _NEEDS.search(texts[name])
    for part in named[1].split(", ") if named else ():
        if part not in before:
            before = _whole(part, texts, before)
    return (*before, name)


STATE = Library()


@dataclass(frozen=True)
class Call:
    """One script to be run, with what it is told."""

    name: str
    arguments: tuple[Argument, ...]


class Packed(NamedTuple):
    """A command as it goes over the wire; of a script its name as well, for Redis may have to be taught it first."""

    content: bytes
    script: str | None = None


class Scripts:
    """Runs the scripts of a library by name under one key prefix; loads again what a fresh Redis does not know."""

    def __init__(self, redis: Redis, settings: RedisSettings, library: Library = STATE) -> None:
        self.redis = redis
        self.prefix = settings.prefix
        self._library = library
        self.walking = asyncio.Lock()
        """Whose turn it is to look on through a long list."""
        self._line = Line(redis, settings.timeout_s)
        self._digests: dict[str, str] = {}
        self._taught: set[str] = set()
        self._coalescing: Coalescing[Packed] = Coalescing(self._run_each, lambda call: len(call.content))

    async def run(self, name: str, *arguments: Argument) -> Any:
        """Run one script, in one round trip with others that are asked for at the same time; its answer.

        Raises:
            Unavailable: Redis does not answer; the script may have run.
        """
        # Packed before it joins others: an argument that cannot be is its asker's fault alone.
        return await self._coalescing.ask(self._packed(name, arguments))

    async def ask(self, *command: Argument) -> Any:
        """Run one plain command in the same way; its answer as it comes over the wire.

        Raises:
            Unavailable: Redis does not answer; the command may have run.
        """
        return await self._coalescing.ask(Packed(pack(command)))

    def source(self, name: str) -> str:
        """The whole text of a script, for whoever wants it in a transaction."""
        return self._library.source(name)

    async def run_many(self, calls: Sequence[Call]) -> list[Any]:
        """Run scripts one after the other in one round trip; the answer or the ResponseError of each.

        Raises:
            Unavailable: Redis does not answer, or a Redis that was started anew had to be taught the scripts first;
                any of the calls may have run.
        """
        answers = await self._send([self._packed(each.name, each.arguments) for each in calls])
        for answer in answers:
            if isinstance(answer, NoScriptError):
                self._taught.clear()
                raise _untaught()
            if isinstance(answer, Exception) and _is_not_now(answer):
                raise Unavailable("redis", str(answer)) from answer
        return answers

    async def _run_each(self, calls: Sequence[Packed]) -> list[Any]:
        """Run what has nothing to do with one another: what became of one says nothing of the others."""
        answers = await self._send(calls)
        unknown = [at for at, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if unknown:  # these did not run
            self._taught.clear()
            again = await self._send([calls[at] for at in unknown])
            for at, answer in zip(unknown, again, strict=True):
                answers[at] = _untaught() if isinstance(answer, NoScriptError) else answer
        return [_as_unavailable(each) if isinstance(each, Exception) else each for each in answers]

    async def _send(self, calls: Sequence[Packed]) -> list[Any]:
        untaught = {call.script for call in calls if call.script is not None} - self._taught
        lessons = [pack(("SCRIPT", "LOAD", self._library.source(name))) for name in untaught]
        answers = await asked(self._line.exchange([*lessons, *(call.content for call in calls)]))
        self._taught |= untaught
        return list(answers[len(untaught) :])

    def _packed(self, name: str, arguments: tuple[Argument, ...]) -> Packed:
        return Packed(pack(("EVALSHA", self._digest(name), 0, self.prefix, *arguments)), name)

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
    """Whether Redis refuses for now (loading, out of memory, a replica, our rights in it) and not a wrong call."""
    passing = ReadOnlyError | OutOfMemoryError | NoPermissionError | RedisConnectionError | RedisTimeoutError
    if isinstance(error, passing):
        return True
    return str(error).startswith(_NOT_NOW)
