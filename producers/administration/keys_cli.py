"""`headrace keys`: issue, list, show, change, rotate and revoke API keys; what is done is an event of the log."""

import typing
from collections.abc import Mapping
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from infra import stack_file
from infra.clock import SystemClock
from infra.command_line import Group, json_option, print_json
from infra.screen import Screen, visible
from infra.sealing import Seal
from infra.settings import CommonSettings, LocalSettings
from producers.access.keys import DEFAULT_LIMITS, is_tenant, mint
from producers.access.registry import Registry, changed
from producers.administration import keys_shown
from producers.administration.acts import LONGEST_OVERLAP_S, Administration, terms
from producers.administration.command import run
from producers.administration.limit_options import NAMES, in_words, limit_options
from producers.events import CLIENT_SCOPES, KeyIssued, Limits, Scope
from producers.settings import PromptSettings


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
@limit_options(DEFAULT_LIMITS)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(typing.get_args(Scope)),
    default=CLIENT_SCOPES,
    show_default=True,
    help="What the key may do: send prompts and change what is its tenant's, read that, administrate.",
)
@click.option("--model", "models", multiple=True, help="A model that the key may use; none given: all.")
@click.option("--expires-in-s", type=click.IntRange(min=1), default=None, help="Seconds from now; none given: never.")
@json_option("Print one object with the key and its secrets.")
def create(
    tenant: str,
    name: str,
    scopes: tuple[Scope, ...],
    models: tuple[str, ...],
    expires_in_s: int | None,
    as_json: bool,
    **limits: int | None,
) -> None:
    """Issue an API key and print it and its webhook secret: the only time that they can be seen.

    The key is accepted by every gateway as soon as it has read the registry on: within a second.
    """
    stack = stack_file.read(LocalSettings.from_env())
    seal = Seal(stack_file.addressed(CommonSettings.from_env(), stack).secret_key)
    clock = SystemClock()
    _warn_of_unknown(models)
    minted = mint(
        clock,
        seal,
        tenant=tenant,
        name=name,
        limits=Limits(**limits),
        scopes=scopes,
        models=models,
        expires_ms=None if expires_in_s is None else clock.now_ms() + expires_in_s * 1000,
    )
    run(lambda acts, _: acts.create(minted))
    if as_json:
        print_json(keys_shown.with_secrets(minted))
        return
    click.echo(f"key             {minted.event.id} of {tenant}")
    click.echo(f"api key         {minted.api_key}")
    click.echo(f"webhook secret  {minted.webhook_secret}")
    click.echo("Keep both now: they cannot be shown again.", err=True)


@keys.command(name="list", epilog="Example: headrace keys list --tenant acme")
@click.option("--tenant", default=None, help="Only the keys of this tenant.")
@click.option(
    "--prefix", default="", help="Only the keys that begin so: of one that was found, take what you see of it."
)
@json_option("Print one array: of each key what `keys show` tells.")
def list_(tenant: str | None, prefix: str, as_json: bool) -> None:
    """Show every key there is, revoked ones too until the log forgets them; never the key itself."""
    registry, now_ms = run(_read), SystemClock().now_ms()
    found = registry.find(tenant, prefix)
    if as_json:
        print_json([keys_shown.plain(each, registry) for each in found])
        return
    table = Table("key", "tenant", "for", "state", box=SIMPLE_HEAD)
    table.columns[0].no_wrap = True
    for name in table.columns[1:3]:
        name.overflow = "fold"
    for each in found:
        state = keys_shown.state(each, registry, now_ms)
        table.add_row(each.id, escape(each.tenant), escape(visible(each.name)), state)
    Screen().show(table)
    click.echo("`headrace keys show KEY` tells more of one.", err=True)


@keys.command(epilog="Example: headrace keys show key_01K…")
@click.argument("key_id", metavar="KEY")
@json_option("Print one object: `id`, `tenant`, `name`, `prefix`, its limits, `issued_ms`, `revoked`.")
def show(key_id: str, as_json: bool) -> None:
    """Show one key by its id: whose it is, what for, how it begins, its limits; never the key itself."""
    registry = run(_read)
    key = registry.keys.get(key_id)
    if key is None:
        forgotten = f"the key {key_id} was revoked, and the log has forgotten the rest"
        raise click.ClickException(forgotten if key_id in registry.revoked else _no_key(key_id))
    if as_json:
        print_json(keys_shown.plain(key, registry))
        return
    for line in keys_shown.lines(key, registry, SystemClock().now_ms()):
        click.echo(line)


@keys.command(epilog="Example: headrace keys rotate key_01K… --overlap-s 3600")
@click.argument("key_id", metavar="KEY")
@click.option(
    "--overlap-s",
    type=click.IntRange(0, LONGEST_OVERLAP_S),
    default=3600,
    show_default=True,
    help="Seconds for which the old one is accepted still.",
)
@json_option("Print one object: `id`, the new `api_key`, and `overlap_s`.")
def rotate(key_id: str, overlap_s: int, as_json: bool) -> None:
    """Give a key another secret and print it: the only time that it can be seen.

    It stays the same key, with its id, its limits and its webhook secret.
    """
    api_key = run(lambda acts, registry: _rotate(acts, registry, key_id, overlap_s))
    if as_json:
        print_json({"id": key_id, "api_key": api_key, "overlap_s": overlap_s})
        return
    click.echo(f"key      {key_id}, the old one is accepted for {overlap_s} s still")
    click.echo(f"api key  {api_key}")
    click.echo("Keep it now: it cannot be shown again.", err=True)


@keys.command(epilog="Example: headrace keys change key_01K… --tokens-per-day 2000000")
@click.argument("key_id", metavar="KEY")
@limit_options(Limits(), changing=True)
@click.option("--no-limit", "unlimited", multiple=True, type=click.Choice(NAMES), help="A limit to take away.")
@click.option("--name", default=None, help="What the key is for.")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(typing.get_args(Scope)), help="All that it may do.")
@click.option("--model", "models", multiple=True, help="All models that it may use; '' for every one.")
@click.option("--expires-in-s", type=click.IntRange(min=1), default=None, help="Seconds from now.")
@json_option("Print one object: what `keys show` tells.")
def change(key_id: str, unlimited: tuple[str, ...], expires_in_s: int | None, as_json: bool, **given: Any) -> None:
    """Change what a key may do; what is not given stays as it is."""
    asked: dict[str, Any] = {name: value for name, value in given.items() if value not in (None, ())}
    asked |= dict.fromkeys((name.replace("-", "_") for name in unlimited), None)
    if "models" in asked:
        asked["models"] = tuple(each for each in asked["models"] if each)
        _warn_of_unknown(asked["models"])
    if expires_in_s is not None:
        asked["expires_ms"] = SystemClock().now_ms() + expires_in_s * 1000
    key = run(lambda acts, registry: _change(acts, registry, key_id, asked))
    if as_json:
        print_json({**keys_shown.may(key), "id": key.id, "name": key.name})
        return
    click.echo(f"{key.id} may now: {keys_shown.may_in_words(key)}")
    click.echo(f"limits: {in_words(key.limits)}")


@keys.command(epilog="Example: headrace keys revoke key_01K…")
@click.argument("key_id", metavar="KEY")
@json_option("Print one object: `id`, and whether it was revoked `now` or before.")
def revoke(key_id: str, as_json: bool) -> None:
    """Take a key back, by its id (see `keys list`); revoking twice is once.

    Gateways refuse it as soon as they have read the registry on: within a second. Jobs it has submitted go on.
    """
    done = run(lambda acts, registry: _revoke(acts, registry, key_id))
    if as_json:
        print_json({"id": key_id, "now": done})
        return
    click.echo(f"{key_id} is revoked" if done else f"{key_id} was revoked already")


def _warn_of_unknown(models: tuple[str, ...]) -> None:
    """Which of the models that a key may use are not served, as far as this machine's settings tell."""
    settings = PromptSettings.from_env()
    if unknown := [each for each in models if each not in settings.models]:
        served = ", ".join(settings.models)
        click.echo(
            f"Warning: {settings.variable('models')} does not name {', '.join(unknown)} here (it names {served}). "
            "The key may use it where a gateway serves it, and nothing but what it names.",
            err=True,
        )


async def _read(_: Administration, registry: Registry) -> Registry:
    return registry


async def _revoke(acts: Administration, registry: Registry, key_id: str) -> bool:
    if key_id not in registry.keys and key_id not in registry.revoked:
        raise click.ClickException(_no_key(key_id))
    return await acts.revoke(key_id) is not None


async def _rotate(acts: Administration, registry: Registry, key_id: str, overlap_s: int) -> str:
    api_key, _ = await acts.rotate(_valid(registry, key_id), overlap_s)
    return api_key


async def _change(acts: Administration, registry: Registry, key_id: str, given: Mapping[str, Any]) -> KeyIssued:
    key = _valid(registry, key_id)
    to = terms(key, SystemClock().now_ms(), given)
    await acts.change(key, to)
    return changed(key, to)


def _valid(registry: Registry, key_id: str) -> KeyIssued:
    key = registry.keys.get(key_id)
    if key is None or key_id in registry.revoked:
        raise click.ClickException(f"{key_id} is revoked" if key_id in registry.revoked else _no_key(key_id))
    return key


def _no_key(key_id: str) -> str:
    return f"there is no key {key_id}; `headrace keys list` shows those there are"
