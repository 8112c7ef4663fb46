"""Three prompts that show a new stack at work: `headrace tour`, a command of the client's room, run as any of ours."""

from collections.abc import Mapping
from typing import NamedTuple

from infra.local.processes.errands import headrace, run_shown
from infra.local.stack.printed import Toured, read


class Tour(NamedTuple):
    """Whether all prompts were answered, and what became of each, where that was asked for."""

    answered: bool
    prompts: Toured


async def walk(environment: Mapping[str, str], *, as_json: bool) -> Tour:
    """Let it be shown on our own output; with `as_json` on standard error, and its JSON is read.

    Raises:
        CannotStart: what it printed is no JSON of its own.
    """
    code, printed = await run_shown(headrace("tour", *(["--json"] if as_json else [])), environment, read=as_json)
    return Tour(code == 0, read("tour", printed, Toured) if printed else [])
