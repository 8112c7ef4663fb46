"""`headrace dead`: list, show, redrive and discard dead letters."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from infra.command_line import Failed, Group, json_option, print_json
from infra.errors import WrongField
from infra.screen import Screen, visible
from producers.administration import dead_shown
from producers.administration.dead_desk import Desk, at_desk
from producers.administration.letters import MOST_AT_ONCE
from producers.events import Redriven
from producers.letters import shown
from producers.letters.letter import REASONS, STATES, Letter, payload_of
from producers.letters.rewriting import Edited, Refused, body_of
from producers.letters.store import Wanted

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
Told = tuple[str, Redriven | Refused]
_FILTERS: Final = (
    click.option("--reason", type=click.Choice(REASONS), default=None, help="Only those buried for this."),
    click.option("--tenant", default=None, help="Only those of this tenant's prompts, where that is known."),
    click.option("--model", default=None, help="Only those of prompts for this model, where that is known."),
)


def _filters(command: Decorated) -> Decorated:
    for each in reversed(_FILTERS):
        command = each(command)
    return command


@click.group(cls=Group)
def dead() -> None:
    """Dead letters: what nobody could process. Read them, redrive their prompts, or discard them with a note.

    Kafka and Redis are those of the settings, or else of the stack running here. Every act is on record
    (`headrace acts`).
    """


@dead.command(name="list", epilog="Example: headrace dead list --state dead --reason exhausted")
@click.option("--state", type=click.Choice(STATES), default=None, help="Only those that stand so.")
@_filters
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Letters to show at most.")
@json_option("Print one array: of each letter what `dead show` tells, but its prompt and bytes.")
def list_(state: str | None, limit: int, as_json: bool, **filters: str | None) -> None:
    """Show dead letters, the newest first."""
    wanted = _wanted(filters, state or "")
    found = at_desk(lambda desk: desk.newest(wanted, limit))
    if as_json:
        print_json([shown.plain(each) for each in found])
    elif found:
        Screen().show(dead_shown.table(found))
    else:
        click.echo("no dead letters")


@dead.command(epilog="Example: headrace dead show letter_01K…")
@click.argument("letter_id", metavar="ID")
@json_option("Print one object: the letter, its `prompt` as a body that can be handed in, its bytes in base64.")
def show(letter_id: str, as_json: bool) -> None:
    """Show a letter: why it was buried, what was done about it, and its prompt or its bytes."""

    async def read(desk: Desk) -> tuple[Letter, Any]:
        letter = await desk.find(letter_id)
        return letter, await desk.letters.prompt_of(letter)

    letter, prompt = at_desk(read)
    if as_json:
        print_json(shown.in_full(letter, prompt))
        return
    for each in dead_shown.lines(letter, prompt):
        click.echo(each)


@dead.command(
    epilog="Example: headrace dead redrive letter_01K… --edit, or: headrace dead redrive --all --reason exhausted"
)
@click.argument("letter_id", metavar="[ID]", required=False)
@click.option("--all", "every", is_flag=True, help="Every dead letter that matches the filters, as it was.")
@_filters
@click.option("--edit", is_flag=True, help="Open the prompt in $EDITOR first.")
@click.option(
    "--prompt", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None,
    help="A file with the prompt to be handed in instead: a body as of POST /v1/jobs.",
)  # fmt: skip
@click.option("--as-key", "key_id", default=None, help="In whose name an edited prompt runs whose letter tells no key.")
@click.option("--again", is_flag=True, help="Once more, though it was redriven before.")
@json_option("Print one object: `redriven` (of each `id` and `job`) and `refused` (`id`, `code`, `message`).")
def redrive(
    letter_id: str | None,
    every: bool,
    edit: bool,
    file: Path | None,
    key_id: str | None,
    again: bool,
    as_json: bool,
    **filters: str | None,
) -> None:
    """Hand the prompt of a letter in again, as a new job; the old job stays as it ended.

    To do it twice is to do it once, unless you say `--again`. With `--edit` or `--prompt`, the tenant of what cannot be
    read is given with `--tenant`. Exit code 1 where one was refused: it is a dead letter still.
    """
    if (letter_id is None) != every:
        raise click.UsageError("name a letter, or say --all")
    if every and (edit or file is not None or again or key_id is not None):
        raise click.UsageError("--all redrives letters as they were")
    if letter_id is None:
        told = at_desk(lambda desk: _redrive_all(desk, _wanted(filters, "dead"), quiet=as_json))
    else:
        tenant = filters["tenant"]
        edited = _text_of(letter_id, file, edit=edit)
        given = None if edited is None else Edited(edited, tenant, key_id)
        told = [_redrive_one(letter_id, given, again=again, kept=edited if edit else None)]
    _tell(told, as_json=as_json)


@dead.command(epilog='Example: headrace dead discard letter_01K… --note "a test of mine"')
@click.argument("letter_id", metavar="ID")
@click.option("--note", required=True, help="Why nothing is to become of it.")
@json_option("Print one object: the letter.")
def discard(letter_id: str, note: str, as_json: bool) -> None:
    """Say that nothing is to become of a letter; it is listed as discarded, with the note."""

    async def act(desk: Desk) -> Letter:
        done = await desk.acts.discard(await desk.find(letter_id), note)
        if isinstance(done, Refused):
            raise click.ClickException(done.message)
        return await desk.find(letter_id)

    letter = at_desk(act)
    if as_json:
        print_json(shown.plain(letter))
        return
    click.echo(f"{letter.id} is discarded")


def _wanted(filters: dict[str, str | None], state: str) -> Wanted:
    return Wanted(state, filters["reason"] or "", filters["tenant"] or "", filters["model"] or "")


def _text_of(letter_id: str, file: Path | None, *, edit: bool) -> bytes | None:
    """The edited prompt, if one was asked for."""
    if not edit:
        return None if file is None else file.read_bytes()
    before = file.read_text(encoding="utf-8") if file is not None else at_desk(lambda desk: _text(desk, letter_id))
    after = click.edit(before, extension=".json")
    if after is None or (after == before and file is None):
        raise click.ClickException("the prompt was left as it is: nothing is redriven")
    return after.encode()


async def _text(desk: Desk, letter_id: str) -> str:
    """The prompt as it is edited; of what cannot be read one that asks its bytes, as far as they are text."""
    letter = await desk.find(letter_id)
    prompt = await desk.letters.prompt_of(letter)
    if prompt is not None:
        return dead_shown.as_text(body_of(prompt))
    content = payload_of(letter.buried).decode(errors="replace")
    return dead_shown.as_text({"model": "", "messages": [{"role": "user", "content": content}]})


def _redrive_one(letter_id: str, edited: Edited | None, *, again: bool, kept: bytes | None) -> Told:
    async def act(desk: Desk) -> Told:
        letter = await desk.find(letter_id)
        number = len(letter.redrives) + 1 if again else 1
        return letter_id, await desk.acts.redrive(letter, number, edited)

    try:
        return at_desk(act)
    except WrongField:
        if kept is not None:
            path = Path(f"{letter_id}.json")
            path.write_bytes(kept)
            click.echo(f"what you wrote is kept in {path}: mend it and give it with --prompt", err=True)
        raise


async def _redrive_all(desk: Desk, wanted: Wanted, *, quiet: bool) -> list[Told]:
    """Page after page; what is buried meanwhile is found, too, and what is refused is not met again."""
    told, after = list[Told](), None
    while True:
        done = await desk.acts.redrive_page(wanted, MOST_AT_ONCE, after)
        if done is None:
            return told
        told += [(each.letter_id, each) for each in done.redriven] + list(done.refused)
        if not quiet and done.has_more:
            click.echo(f"{len(told)} looked at …", err=True)
        if not done.has_more:
            return told
        after = done.last


def _tell(told: list[Told], *, as_json: bool) -> None:
    done = [each for _, each in told if isinstance(each, Redriven)]
    refused = [(letter_id, each) for letter_id, each in told if isinstance(each, Refused)]
    if as_json:
        print_json(
            {
                "redriven": [{"id": each.letter_id, "job": each.job_id} for each in done],
                "refused": [{"id": at, "code": each.code or None, "message": each.message} for at, each in refused],
            }
        )
    else:
        for each in done:
            click.echo(f"{each.letter_id} is redriven as {each.job_id}")
        for letter_id, why in refused:
            click.secho(f"{letter_id}: {visible(why.message)}", fg="yellow", err=True)
        if len(told) != 1:
            click.echo(f"{len(done)} redriven, {len(refused)} refused")
    if refused:
        raise Failed(f"{len(refused)} of {len(told)} letters are dead still")
