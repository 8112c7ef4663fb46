"""Questions put to code or servers that are not ours: a callable by its name, or an HTTP endpoint, within a time."""

import asyncio
import importlib
import inspect
import traceback
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Protocol

import aiohttp
import msgspec

from infra.addresses import is_url
from infra.errors import Unavailable, WrongSetting

MOST_ANSWER_BYTES = 64 * 1024


class Hook(Protocol):
    """Something that is asked, and answers with plain data."""

    async def ask(self, question: Mapping[str, Any]) -> Any:
        """The answer; any exception is a failure of the hook."""
        ...

    async def close(self) -> None:
        """Let go of what it holds."""
        ...


def hook(named: str) -> Hook:
    """The hook that a setting names: http(s)://…, or module:function.

    Raises:
        WrongSetting: there is no such function.
    """
    return _Endpoint(named) if is_url(named, "http", "https") else _Called(_function(named))


async def asked(hook: Hook, question: Mapping[str, Any], timeout_s: float) -> Any:
    """What the hook answers within that time.

    Raises:
        Unavailable: it does not, or not so that anybody could understand it.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await hook.ask(question)
    except Unavailable:
        raise
    except Exception as error:  # whatever a stranger's server does
        raise Unavailable("hook", f"the hook failed: {type(error).__name__}: {error}") from error


def _function(named: str) -> Callable[[Mapping[str, Any]], Any]:
    module, _, name = named.partition(":")
    try:
        found: Callable[[Mapping[str, Any]], Any] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise WrongSetting(f"{named!r} is neither http(s)://… nor module:function: {error}") from None
    return found


class _Called:
    """A function of the operator's, plain or a coroutine; a plain one is called in a thread."""

    def __init__(self, function: Callable[[Mapping[str, Any]], Any]) -> None:
        self._function = function

    async def ask(self, question: Mapping[str, Any]) -> Any:
        """What it returns."""
        try:
            if inspect.iscoroutinefunction(self._function):
                return await self._function(question)
            return await asyncio.to_thread(self._function, question)
        except Exception as error:  # whatever a stranger's code raises
            # What and where, never its words: they may be those of what was asked.
            *_, at = traceback.extract_tb(error.__traceback__)
            why = f"the hook failed: {type(error).__name__} at {at.filename}:{at.lineno}"
            raise Unavailable("hook", why) from None

    async def close(self) -> None:
        """Nothing is held."""


async def _whole(body: aiohttp.StreamReader) -> bytes:
    """All that comes, in however many segments: a part of a verdict is none."""
    try:
        await body.readexactly(MOST_ANSWER_BYTES + 1)
    except asyncio.IncompleteReadError as end:
        return end.partial
    raise ValueError(f"more than {MOST_ANSWER_BYTES} bytes")


class _Endpoint:
    """A server that is sent the question as JSON, and answers 200 with JSON."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, question: Mapping[str, Any]) -> Any:
        """Its answer."""
        if self._session is None:
            self._session = aiohttp.ClientSession(headers={"Content-Type": "application/json"})
        async with self._session.post(self._url, data=msgspec.json.encode(question), allow_redirects=False) as answer:
            if answer.status != HTTPStatus.OK:
                raise ValueError(f"status {answer.status}")
            return msgspec.json.decode(await _whole(answer.content))

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
