"""Fleets of one server that a test plays."""

from typing import Any, cast

from stream_workers.inference.fleet import Fleet, Server
from stream_workers.inference.reach import Reach
from stream_workers.inference.tgi import Tgi


def a_server(model: Any, reach: Reach | None = None, name: str = "tgi") -> Server:
    return Server(name, cast("Tgi", model), reach)


def a_fleet(model: Any, reach: Reach | None = None) -> Fleet:
    return Fleet([a_server(model, reach)])
