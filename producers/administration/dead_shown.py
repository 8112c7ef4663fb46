"""How a dead letter reads at the command line. Pure."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from infra.screen import visible
from producers.events import PromptSubmitted
from producers.letters.letter import Letter, payload_of
from producers.letters.rewriting import body_of
from producers.log.dead_letters import origin_of

_MOST_SHOWN = 4000


def table(letters: Sequence[Letter]) -> Table:
    """One line a letter."""
    drawn = Table("letter", "buried (UTC)", "state", "reason", "tenant", "model", "job", "error", box=SIMPLE_HEAD)
    for at in (0, 1, 2, 3, 6):
        drawn.columns[at].no_wrap = True
    for each in letters:
        buried = each.buried
        about = each.tenant or "?", each.model or "?", buried.job_id or "-", buried.error
        when = _second(each.buried_ms)
        drawn.add_row(each.id, when, each.state, buried.reason, *(escape(visible(it)) for it in about))
    return drawn


def lines(letter: Letter, prompt: PromptSubmitted | None) -> Iterator[str]:
    """All of a letter for a person."""
    buried = letter.buried
    yield f"letter     {letter.id}, {letter.state}"
    yield f"buried     {_second(letter.buried_ms)} UTC as {buried.reason}, after {buried.attempts} attempts"
    yield f"error      {visible(buried.error)}"
    if buried.first_error:
        yield f"first      {visible(buried.first_error)}"
    yield f"job        {buried.job_id or '-'} of {visible(letter.tenant or '?')}, for {visible(letter.model or '?')}"
    yield f"origin     {origin_of(buried)}"
    for each in letter.redrives:
        how = f"number {each.number}{', edited' if each.edited else ''}"
        yield f"redriven   {_second(each.at_ms)} UTC by {visible(each.by)} as {each.job_id} ({how})"
    if letter.discarded is not None:
        yield (
            f"discarded  {_second(letter.discarded.at_ms)} UTC by {visible(letter.discarded.by)}: "
            f"{visible(letter.discarded.note)}"
        )
    if prompt is not None:
        if prompt.conversation is not None:
            yield f"turn of    {visible(prompt.conversation)}: it is redriven edited only, outside of its conversation"
        yield from ("", "prompt", visible(as_text(body_of(prompt)), keep="\n"))
    elif buried.payload_base64:
        yield from ("", "payload, which is no prompt that can be read", repr(payload_of(buried)[:_MOST_SHOWN]))


def as_text(body: dict[str, object]) -> str:
    """A body as a person edits it."""
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def _second(at_ms: float) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"
