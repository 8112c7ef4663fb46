"""GET /v1/models: what can be asked."""

from typing import Any, Literal

from aiohttp import web

from gateway.access import admission
from gateway.embeddings.embedding import EMBEDDINGS
from gateway.http.objects import as_json
from gateway.http.problems import no_model
from gateway.keys import CALLER, SETTINGS

Task = Literal["chat", "embeddings"]

# The models are named in the settings, which know no date of theirs; clients only want a number here.
CREATED = 1_700_000_000


async def list_models(request: web.Request) -> web.Response:
    """All models that the caller's key may use."""
    data = [model_object(name, task) for name, task in _usable(request).items()]
    return as_json({"object": "list", "data": data})


async def read_model(request: web.Request) -> web.Response:
    """One of them."""
    name = request.match_info["model"]
    task = _usable(request).get(name)
    if task is None:
        raise no_model(name)
    return as_json(model_object(name, task))


def model_object(name: str, task: Task) -> dict[str, Any]:
    """A model as OpenAI writes it, with what it is for beside."""
    owner, _, rest = name.partition("/")
    owner = owner if rest else "headrace"
    return {"id": name, "object": "model", "created": CREATED, "owned_by": owner, "task": task}


def _usable(request: web.Request) -> dict[str, Task]:
    served: dict[str, Task] = dict.fromkeys(request.app[SETTINGS].models, "chat")
    served |= dict.fromkeys(request.app[EMBEDDINGS].models, "embeddings")
    return {name: task for name, task in served.items() if admission.may_use(request[CALLER], name)}
