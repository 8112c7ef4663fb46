"""Requests over HTTP, counted by route and status."""

from typing import Final

from aiohttp import web

from infra.telemetry.metrics import Metrics

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def count(metrics: Metrics, request: web.Request, response: web.StreamResponse, took_s: float) -> None:
    """Count one request; routes and methods that we do not know share one name, whatever clients make up."""
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "unknown"
    method = request.method if request.method in _METHODS else "other"
    metrics.http_requests.labels(method, route, str(response.status)).inc()
    metrics.http_duration.labels(route).observe(took_s)
