"""`headrace keys`: issue, list, show and revoke API keys; what is done is an event on the `registry` topic."""

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import click
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from infra import kafka, stack_file
from infra.clock import Clock, SystemClock
from infra.command_line import Group, json_option, print_json
from infra.screen import Screen
from infra.sealing import Seal
from infra.settings import CommonSettings, KafkaSettings, LocalSettings
from producers.events import KeyIssued, KeyRevoked, TenantDefined
from producers.keys import JOBS_IN_FLIGHT, REQUESTS_PER_MINUTE, Minted, is_tenant, mint
from producers.publisher import Publisher
from producers.registry import Registry, RegistryReader
from producers.topics import REGISTRY

PATIENCE_S: Final = 10.0
"""Longest wait for the broker, and for the registry to be read."""

Answer = TypeVar("Answer")


@click.group(cls=Group)
def keys() -> None:
    """API keys: make one, list them, take one back.

    Of a key only its hash is kept, and its webhook secret only encrypted under HEADRACE_SECRET_KEY: `create` shows
    both, once. The broker is the one of HEADRACE_KAFKA__BOOTSTRAP_SERVERS, or else that of the stack running here.
    """


def _tenant(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not is_tenant(value):
        raise click.BadParameter("1 to 64 letters, digits, '.', '_' or '-', the first a letter or a digit")
    return value


@keys.command(epilog="Example: headrace keys create --tenant acme --name ci")
@click.option(
    "--tenant", required=True, callback=_tenant, help="Whose key it is; a new tenant is defined by its first."
)
@click.option("--name", required=True, help="What the key is for, as a reminder to people.")
@click.option(
    "--requests-per-minute",
    type=click.IntRange(min=1),
    default=REQUESTS_PER_MINUTE,
    show_default=True,
    help="Prompts and other writes the key may send in a minute, and ten times as many reads; more get 429.",
)
@click.option(
    "--jobs-in-flight",
    type=click.IntRange(min=1),
    default=JOBS_IN_FLIGHT,
    show_default=True,
    help="Jobs of the key that may be queued or running at once; more are answered 429.",
)
@json_option("Print one object with the key and its secrets.")
def create(tenant: str, name: str, requests_per_minute: int, jobs_in_flight: int, as_json: bool) -> None:
    """Issue an API key and print it and its webhook secret: the only time that they can be seen.

    The key is accepted by every gateway as soon as it has read the registry on: within a second.
    """
    stack = stack_file.read(LocalSettings.from_env())
    seal = Seal(stack_file.addressed(CommonSettings.from_env(), stack).secret_key)
    clock = SystemClock()
    minted = mint(
        clock, seal, tenant=tenant, name=name, requests_per_minute=requests_per_minute, jobs_in_flight=jobs_in_flight
    )
    _run(lambda pen, registry: _issue(pen, registry, clock, minted))
    if as_json:
        print_json(_shown_once(minted))
        return
    click.echo(f"key             {minted.event.id} of {tenant}")
    click.echo(f"api key         {minted.api_key}")
    click.echo(f"webhook secret  {minted.webhook_secret}")
    click.echo("Keep both now: they cannot be shown again.", err=True)


@keys.command(name="list", epilog="Example: headrace keys list --tenant acme")
@click.option("--tenant", default=None, help="Only the keys of this tenant.")
@json_option("Print one array: of each key what `keys show` tells.")
def list_(tenant: str | None, as_json: bool) -> None:
    """Show every key there is, revoked ones too until the log forgets them; never the key itself."""
    registry = _run(_read)
    found = [each for each in registry.keys.values() if tenant in (None, each.tenant)]
    if as_json:
        print_json([_listed(each, registry) for each in found])
        return
    table = Table("key", "tenant", "for", "state", box=SIMPLE_HEAD)
    table.columns[0].no_wrap = True
    for name in table.columns[1:3]:
        name.overflow = "fold"
    for each in found:
        table.add_row(each.id, escape(each.tenant), escape(each.name), _state(each, registry))
    Screen().show(table)
    click.echo("`headrace keys show KEY` tells more of one.", err=True)


@keys.command(epilog="Example: headrace keys show key_01K…")
@click.argument("key_id", metavar="KEY")
@json_option("Print one object: `id`, `tenant`, `name`, `prefix`, its limits, `issued_ms`, `revoked`.")
def show(key_id: str, as_json: bool) -> None:
    """Show one key by its id: whose it is, what for, how it begins, its limits; never the key itself."""
    registry = _run(_read)
    key = registry.keys.get(key_id)
    if key is None:
        forgotten = f"the key {key_id} was revoked, and the log has forgotten the rest"
        raise click.ClickException(forgotten if key_id in registry.revoked else _no_key(key_id))
    if as_json:
        print_json(_listed(key, registry))
        return
    issued = datetime.fromtimestamp(key.at_ms / 1000, UTC)
    click.echo(f"key          {key.id}, {_state(key, registry)}")
    click.echo(f"tenant       {key.tenant}")
    click.echo(f"for          {key.name}")
    click.echo(f"begins with  {key.prefix}…")
    click.echo(f"limits       {key.requests_per_minute} requests a minute, {key.jobs_in_flight} jobs in flight")
    click.echo(f"issued       {issued:%Y-%m-%d %H:%M} UTC")


@keys.command(epilog="Example: headrace keys revoke key_01K…")
@click.argument("key_id", metavar="KEY")
@json_option("Print one object: `id`, and whether it was revoked `now` or before.")
def revoke(key_id: str, as_json: bool) -> None:
    """Take a key back, by its id (see `keys list`); revoking twice is once.

    Gateways refuse it as soon as they have read the registry on: within a second. Jobs it has submitted go on.
    """
    done = _run(lambda pen, registry: _revoke(pen, registry, SystemClock(), key_id))
    if as_json:
        print_json({"id": key_id, "now": done})
        return
    click.echo(f"{key_id} is revoked" if done else f"{key_id} was revoked already")


async def _issue(pen: Publisher, registry: Registry, clock: Clock, minted: Minted) -> None:
    key = minted.event
    if key.tenant not in registry.tenants:
        tenant = TenantDefined(id=key.tenant, name=key.tenant, at_ms=clock.now_ms())
        await pen.publish(REGISTRY, tenant.id, tenant)
    await pen.publish(REGISTRY, key.id, key)


async def _revoke(pen: Publisher, registry: Registry, clock: Clock, key_id: str) -> bool:
    if key_id in registry.revoked:
        return False
    if key_id not in registry.keys:
        raise click.ClickException(_no_key(key_id))
    await pen.publish(REGISTRY, key_id, KeyRevoked(id=key_id, at_ms=clock.now_ms()))
    return True


async def _read(_pen: Publisher, registry: Registry) -> Registry:
    return registry


def _no_key(key_id: str) -> str:
    return f"there is no key {key_id}; `headrace keys list` shows those there are"


def _state(key: KeyIssued, registry: Registry) -> str:
    return "revoked" if key.id in registry.revoked else "valid"


def _shown_once(minted: Minted) -> dict[str, Any]:
    event = minted.event
    return {
        "id": event.id,
        "tenant": event.tenant,
        "name": event.name,
        "api_key": minted.api_key,
        "webhook_secret": minted.webhook_secret,
        "requests_per_minute": event.requests_per_minute,
        "jobs_in_flight": event.jobs_in_flight,
    }


def _listed(key: KeyIssued, registry: Registry) -> dict[str, Any]:
    return {
        "id": key.id,
        "tenant": key.tenant,
        "name": key.name,
        "prefix": key.prefix,
        "requests_per_minute": key.requests_per_minute,
        "jobs_in_flight": key.jobs_in_flight,
        "issued_ms": key.at_ms,
        "revoked": key.id in registry.revoked,
    }


def _run(work: Callable[[Publisher, Registry], Awaitable[Answer]]) -> Answer:
    # The command says itself what went wrong; each try of pen and reader would only drown it.
    logging.getLogger("producers").addHandler(logging.NullHandler())
    settings = stack_file.addressed(KafkaSettings.from_env(), stack_file.read(LocalSettings.from_env()))
    kafka.servers(settings)
    # A person waits here, not a client with a deadline: be as patient as the producer is.
    patient = dataclasses.replace(settings, ack_timeout_s=settings.delivery_timeout_s)
    return asyncio.run(_with_registry(patient, work))


async def _with_registry(settings: KafkaSettings, work: Callable[[Publisher, Registry], Awaitable[Answer]]) -> Answer:
    async with _connected(settings) as (pen, registry):
        return await work(pen, registry)


@asynccontextmanager
async def _connected(settings: KafkaSettings) -> AsyncIterator[tuple[Publisher, Registry]]:
    pen, reader = Publisher(settings, "headrace-keys"), RegistryReader(settings, "headrace-keys")
    pen.start()
    reader.start()
    try:
        await pen.wait_connected(PATIENCE_S)
        await reader.wait_ready(PATIENCE_S)
        yield pen, reader.registry
    finally:
        await asyncio.gather(pen.close(), reader.close())
