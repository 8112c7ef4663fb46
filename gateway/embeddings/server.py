"""The embedding server: texts go there as many at a time as it takes, vectors come back (TEI's `/embed`)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from gateway.embeddings.settings import EmbeddingsSettings
from gateway.embeddings.turns import Turns
from infra.errors import Unavailable, WrongField

_PART = "embeddings"


@dataclass(frozen=True)
class Embedded:
    """One vector a text, in their order, and how many tokens the server counted."""

    vectors: list[list[float]]
    tokens: int


class _Refusal(msgspec.Struct, frozen=True):
    error: str = ""


class EmbeddingServer:
    """Speaks to one server over one session, while `connected`."""

    def __init__(self, settings: EmbeddingsSettings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None
        self._turns = Turns(settings.batch_requests)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Hold the session for as long as this goes on."""
        timeout = aiohttp.ClientTimeout(total=self._settings.timeout_s)
        async with aiohttp.ClientSession(timeout=timeout) as self._session:
            yield

    @property
    def models(self) -> tuple[str, ...]:
        """The names of its models; none where no server is known."""
        return self._settings.models if self._settings.url else ()

    async def embed(self, texts: Sequence[str], dimensions: int | None, *, aside: bool = False) -> Embedded:
        """The vectors of all texts; `aside` it gives way, before each of its requests, to those that are not.

        Raises:
            WrongField: the server does not take one of them, or cannot give so many dimensions.
            Unavailable: it does not answer as it should.
        """
        vectors: list[list[float]] = []
        tokens = 0
        for some in _batched(texts, self._settings.texts_at_once):
            async with self._turns.aside() if aside else self._turns.at_once():
                found = await self._ask(some, dimensions)
            vectors += found.vectors
            tokens += found.tokens
        return Embedded(vectors, tokens)

    async def _ask(self, texts: Sequence[str], dimensions: int | None) -> Embedded:
        wanted: dict[str, Any] = {"inputs": texts, "normalize": True, "truncate": False}
        if dimensions is not None:
            wanted["dimensions"] = dimensions
        key = self._settings.api_key
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
        url = f"{self._settings.url.rstrip('/')}/embed"
        try:
            assert self._session is not None, "not connected"  # noqa: S101
            async with self._session.post(url, data=msgspec.json.encode(wanted), headers=headers) as response:
                body, status = await response.read(), response.status
                counted = response.headers.get("x-compute-tokens", "0")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(_PART, f"the embedding server does not answer: {type(error).__name__}") from None
        if status != HTTPStatus.OK:
            raise _refused(status, body, dimensions)
        return Embedded(_vectors(body, len(texts)), int(counted) if counted.isascii() and counted.isdigit() else 0)


def _batched(texts: Sequence[str], size: int) -> list[Sequence[str]]:
    return [texts[at : at + size] for at in range(0, len(texts), size)]


def _vectors(body: bytes, count: int) -> list[list[float]]:
    try:
        vectors = msgspec.json.decode(body, type=list[list[float]])
    except msgspec.DecodeError:
        vectors = []
    if len(vectors) != count or not all(vectors):
        raise Unavailable(_PART, "the embedding server sent something else than one vector a text")
    return vectors


def _refused(status: int, body: bytes, dimensions: int | None) -> Exception:
    try:
        said = msgspec.json.decode(body, type=_Refusal).error[:500]
    except msgspec.DecodeError:
        said = ""
    if status in {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.BAD_REQUEST}:
        field = "dimensions" if dimensions is not None and "dimension" in said else "input"
        return WrongField(f"{field}: {said or 'the embedding server does not take it'}.", field)
    return Unavailable(_PART, f"the embedding server answered {status}: {said}")


EMBEDDING_SERVER = web.AppKey("embedding_server", EmbeddingServer)
