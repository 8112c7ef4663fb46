"""`headrace tenants`: show the tenants, and limit what all keys of one may do together."""

from typing import Any

import click
import msgspec
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from infra.clock import SystemClock
from infra.command_line import Group, json_option, print_json
from infra.screen import Screen, visible
from producers.access.keys import is_tenant
from producers.access.registry import Registry
from producers.administration.acts import Administration, tenant_terms
from producers.administration.command import run
from producers.administration.limit_options import NAMES, in_words, limit_options
from producers.events import Limits, TenantDefined


@click.group(cls=Group)
def tenants() -> None:
    """Tenants: whose keys there are, and what all keys of one may do together.

    The broker is the one of HEADRACE_KAFKA__BOOTSTRAP_SERVERS, or else that of the stack running here.
    """


@tenants.command(name="list", epilog="Example: headrace tenants list")
@json_option("Print one array: of each tenant `id`, `name`, its limits, and how many `keys` are not revoked.")
def list_(as_json: bool) -> None:
    """Show every tenant and its limits."""
    registry = run(_read)
    if as_json:
        print_json([_plain(each, registry) for each in registry.tenants.values()])
        return
    table = Table("tenant", "name", "keys", "limits", box=SIMPLE_HEAD)
    table.columns[0].no_wrap = True
    for each in registry.tenants.values():
        keys = str(_keys(each, registry))
        table.add_row(escape(each.id), escape(visible(each.name)), keys, in_words(each.limits))
    Screen().show(table)


@tenants.command(epilog="Example: headrace tenants change acme --tokens-per-day 50000000")
@click.argument("tenant")
@limit_options(Limits(), changing=True)
@click.option("--no-limit", "unlimited", multiple=True, type=click.Choice(NAMES), help="A limit to take away.")
@click.option("--name", default=None, help="What people call it.")
@json_option("Print one object: what `tenants list` tells of it.")
def change(tenant: str, unlimited: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Change what all keys of a tenant may do together; a new tenant is defined. What is not given stays as it is."""
    if not is_tenant(tenant):
        raise click.BadParameter("1 to 64 letters, digits, '.', '_' or '-', the first a letter or a digit")
    asked = {name: value for name, value in given.items() if value is not None}
    asked |= dict.fromkeys((name.replace("-", "_") for name in unlimited), None)
    changed, registry = run(lambda acts, registry: _change(acts, registry, tenant, asked))
    if as_json:
        print_json(_plain(changed, registry))
        return
    click.echo(f"{changed.id}: {in_words(changed.limits)}")


async def _read(_: Administration, registry: Registry) -> Registry:
    return registry


async def _change(
    acts: Administration, registry: Registry, tenant: str, asked: dict[str, Any]
) -> tuple[TenantDefined, Registry]:
    changed = tenant_terms(registry.tenants.get(tenant), tenant, SystemClock().now_ms(), asked)
    await acts.define(changed)
    return changed, registry


def _keys(tenant: TenantDefined, registry: Registry) -> int:
    return sum(each.tenant == tenant.id and each.id not in registry.revoked for each in registry.keys.values())


def _plain(tenant: TenantDefined, registry: Registry) -> dict[str, Any]:
    return {
        "id": tenant.id,
        "name": tenant.name,
        **msgspec.structs.asdict(tenant.limits),
        "keys": _keys(tenant, registry),
    }
