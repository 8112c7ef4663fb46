"""What is to be embedded, and the answer to it. Pure."""

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway.embeddings.server import Embedded
from infra.errors import WrongField
from producers.prompts import bodies, bounds
from producers.prompts.bodies import Strict

MOST_TEXTS = 2048


class AskedEmbeddings(Strict, frozen=True, kw_only=True):
    """The body; tokens in place of texts are not taken, for nobody knows of which model they are."""

    model: str
    input: str | list[Any]
    encoding_format: str | None = None
    dimensions: int | None = None
    user: str | None = None


@dataclass(frozen=True)
class TextsAsked:
    """Texts of which vectors are wanted."""

    model: str
    texts: Sequence[str]
    dimensions: int | None = None
    as_base64: bool = False


def read(body: bytes) -> TextsAsked:
    """What a body asks; whether there is such a model is for others to say.

    Raises:
        WrongField: it is not one we take.
    """
    asked = bodies.read(AskedEmbeddings, body)
    bounds.short("user", asked.user)
    bounds.within("dimensions", asked.dimensions, 1, 65_536)
    if asked.encoding_format not in (None, "float", "base64"):
        raise WrongField("encoding_format must be float or base64.", "encoding_format")
    return TextsAsked(asked.model, _texts(asked.input), asked.dimensions, asked.encoding_format == "base64")


def answer(asked: TextsAsked, found: Embedded) -> dict[str, Any]:
    """The vector of each text, as numbers or as base64 of little-endian float32."""
    encode = base64_of if asked.as_base64 else list
    data = [
        {"object": "embedding", "index": number, "embedding": encode(vector)}
        for number, vector in enumerate(found.vectors)
    ]
    usage = {"prompt_tokens": found.tokens, "total_tokens": found.tokens}
    return {"object": "list", "data": data, "model": asked.model, "usage": usage}


def base64_of(vector: Sequence[float]) -> str:
    """A vector as the SDK asks for it: base64 of little-endian float32."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _texts(given: str | list[Any]) -> list[str]:
    texts = [given] if isinstance(given, str) else given
    if not 0 < len(texts) <= MOST_TEXTS:
        raise WrongField(f"input must hold 1 to {MOST_TEXTS} texts.", "input")
    for at, each in enumerate(texts):
        if not isinstance(each, str):
            raise WrongField(f"input[{at}]: send texts; tokens are not taken here.", "input")
        if not each:
            raise WrongField(f"input[{at}] is empty." if isinstance(given, list) else "input is empty.", "input")
    return texts
