"""`/embed` as Hugging Face's Text Embeddings Inference has it: texts in, vectors out, tokens told in a header.

Source: https://github.com/huggingface/text-embeddings-inference, `router/src/http/server.rs`.
"""

from typing import Final

import msgspec
from aiohttp import web

from infra.errors import Unavailable
from infra.local.tgi.app import Handler, Route
from infra.local.tgi.embedding.model import DIMENSIONS, LONGEST_TOKENS, Embedder
from infra.local.tgi.errors import Malformed, TgiRefusal
from infra.local.tgi.replies import json_reply
from infra.local.tgi.service import Service

MOST_TEXTS: Final = 32


class EmbedRequest(msgspec.Struct, frozen=True):
    """What is asked; what is not of use to a model without context is passed over."""

    inputs: str | list[str]
    normalize: bool = True
    dimensions: int | None = None


def embed_routes(embedder: Embedder) -> dict[str, Route]:
    """The route, for the model server that has this embedder."""
    return {"/embed": Route(post=_embed(embedder))}


def _embed(embedder: Embedder) -> Handler:
    async def embed(service: Service, request: web.Request) -> web.StreamResponse:
        asked = _asked(await request.read())
        texts = [asked.inputs] if isinstance(asked.inputs, str) else asked.inputs
        _check(texts, asked.dimensions)
        try:
            found = await embedder.embed(texts, asked.dimensions or DIMENSIONS[-1], normalize=asked.normalize)
        except Unavailable as error:
            raise TgiRefusal(424, str(error), "Backend") from None
        if max(found.tokens) > LONGEST_TOKENS:
            raise _invalid(f"`inputs` must have less than {LONGEST_TOKENS} tokens. Given: {max(found.tokens)}")
        headers = {
            "x-compute-characters": str(sum(map(len, texts))),
            "x-compute-tokens": str(sum(found.tokens)),
        }
        return json_reply(found.vectors, headers=headers)

    return embed


def _asked(body: bytes) -> EmbedRequest:
    try:
        return msgspec.json.decode(body, type=EmbedRequest)
    except msgspec.DecodeError as error:
        raise Malformed(422, f"Failed to deserialize the JSON body into the target type: {error}") from None


def _check(texts: list[str], dimensions: int | None) -> None:
    if not texts or not all(texts):
        raise _invalid("`inputs` cannot be empty")
    if len(texts) > MOST_TEXTS:
        raise _invalid(f"batch size {len(texts)} > maximum allowed batch size {MOST_TEXTS}")
    if dimensions is not None and dimensions not in DIMENSIONS:
        raise _invalid(f"`dimensions` must be one of {', '.join(map(str, DIMENSIONS))}")


def _invalid(text: str) -> TgiRefusal:
    return TgiRefusal(413, text, "Validation")
