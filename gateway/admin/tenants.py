"""/v1/admin/tenants: whose keys there are, and what all keys of one may do together."""

from typing import Any

from aiohttp import web
from msgspec import UNSET, UnsetType

from gateway.admin.acting import LimitsBody, administration, answered, given_limits, limits_object, page_of, seen
from gateway.http import requests
from gateway.http.objects import seconds
from gateway.http.paging import page_asked
from gateway.http.problems import not_found
from gateway.keys import CLOCK, REGISTRY
from infra.errors import WrongField
from producers.access.keys import is_tenant
from producers.administration.acts import tenant_terms
from producers.events import TenantDefined
from producers.prompts import bodies, bounds
from producers.prompts.bodies import Strict

LONGEST_TENANT_NAME = 200


class TenantBody(Strict, frozen=True, kw_only=True):
    """What is said of a tenant; what is left out stays as it is."""

    name: str | UnsetType = UNSET
    limits: LimitsBody | UnsetType = UNSET


async def list_all(request: web.Request) -> web.Response:
    """GET /v1/admin/tenants."""
    found = list(request.app[REGISTRY].registry.tenants.values())
    return page_of([tenant_object(each) for each in found], page_asked(request.query))


async def show(request: web.Request) -> web.Response:
    """GET /v1/admin/tenants/{id}."""
    found = request.app[REGISTRY].registry.tenants.get(request.match_info["tenant"])
    if found is None:
        raise not_found("There is no such tenant.")
    return answered(tenant_object(found))


async def define(request: web.Request) -> web.Response:
    """POST /v1/admin/tenants/{id}: define it, or say what it may from now on."""
    tenant, registry = request.match_info["tenant"], request.app[REGISTRY].registry
    if not is_tenant(tenant):
        raise WrongField("A tenant has 1 to 64 letters, digits, '.', '_' or '-', the first a letter or a digit.")
    asked = bodies.read(TenantBody, await requests.read_body(request))
    given: dict[str, Any] = {} if asked.name is UNSET else {"name": asked.name}
    bounds.caption("name", given.get("name"), LONGEST_TENANT_NAME)
    now_ms = request.app[CLOCK].now_ms()
    to = tenant_terms(registry.tenants.get(tenant), tenant, now_ms, {**given, **given_limits(asked.limits)})
    await seen(request, await administration(request).define(to))
    return answered(tenant_object(to))


def tenant_object(tenant: TenantDefined) -> dict[str, Any]:
    """A tenant as administrators see it."""
    return {
        "id": tenant.id,
        "object": "tenant",
        "name": tenant.name,
        "limits": limits_object(tenant.limits),
        "changed_at": seconds(tenant.at_ms),
    }
