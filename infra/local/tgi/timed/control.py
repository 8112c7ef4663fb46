"""The control routes of the timed server: turn its knobs, order faults, release what is held, see what was asked."""

from typing import TypeVar

import msgspec
from aiohttp import web

from infra.local.tgi.app import Route
from infra.local.tgi.errors import Malformed
from infra.local.tgi.replies import json_reply
from infra.local.tgi.service import Service
from infra.local.tgi.timed.engine import TimedEngine
from infra.local.tgi.timed.knobs import Fault, Knobs

T = TypeVar("T")


def control_routes(engine: TimedEngine) -> dict[str, Route]:
    """`/timed/…` for this engine."""

    async def knobs(_service: Service, _request: web.Request) -> web.StreamResponse:
        return json_reply(engine.knobs)

    async def turn(_service: Service, request: web.Request) -> web.StreamResponse:
        changes = _decoded(await request.read(), dict)
        engine.turn(_converted({**msgspec.structs.asdict(engine.knobs), **changes}, Knobs))
        return json_reply(engine.knobs)

    async def order(_service: Service, request: web.Request) -> web.StreamResponse:
        engine.faults += _decoded(await request.read(), list[Fault])
        return json_reply(engine.faults)

    async def faults(_service: Service, _request: web.Request) -> web.StreamResponse:
        return json_reply(engine.faults)

    async def release(_service: Service, request: web.Request) -> web.StreamResponse:
        return json_reply({"released": engine.release(request.query.get("contains", ""))})

    async def generations(_service: Service, request: web.Request) -> web.StreamResponse:
        contains = request.query.get("contains", "")
        return json_reply([each for each in engine.seen if contains in each.inputs])

    async def reset(_service: Service, _request: web.Request) -> web.StreamResponse:
        engine.forget()
        engine.turn(Knobs())
        return json_reply(engine.knobs)

    return {
        "/timed/knobs": Route(get=knobs, put=turn, guarded=False),
        "/timed/faults": Route(get=faults, post=order, guarded=False),
        "/timed/release": Route(post=release, guarded=False),
        "/timed/generations": Route(get=generations, guarded=False),
        "/timed/reset": Route(post=reset, guarded=False),
    }


def _decoded(body: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.DecodeError as error:
        raise Malformed(422, str(error)) from None


def _converted(value: object, shape: type[T]) -> T:
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise Malformed(422, str(error)) from None
