"""GET /v1/models: what can be asked."""

from typing import Any

import msgspec
from aiohttp import web

from gateway.keys import SETTINGS
from gateway.problems import not_found

# The models are named in the settings, which know no date of theirs; clients only want a number here.
CREATED = 1_700_000_000


async def list_models(request: web.Request) -> web.Response:
    """All models that the caller's key may use."""
    data = [model_object(name) for name in request.app[SETTINGS].models]
    return _json({"object": "list", "data": data})


async def read_model(request: web.Request) -> web.Response:
    """One of them."""
    name = request.match_info["model"]
    if name not in request.app[SETTINGS].models:
        message = f"The model {name[:100]!r} does not exist or is not served here."
        raise not_found(message, param="model", code="model_not_found")
    return _json(model_object(name))


def model_object(name: str) -> dict[str, Any]:
    """A model as OpenAI writes it."""
    owner, _, rest = name.partition("/")
    return {"id": name, "object": "model", "created": CREATED, "owned_by": owner if rest else "headrace"}


def _json(content: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(content), content_type="application/json")
