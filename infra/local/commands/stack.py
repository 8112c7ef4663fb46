"""`headrace status`, `stop` and `reset`: the stack of this folder, seen and ended from another terminal."""

import asyncio
import os
import signal
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from infra import lock, stack_file
from infra.clock import SystemClock
from infra.command_line import Failed, Number, json_option, print_json
from infra.local.commands import standing_shown
from infra.local.disk import footprint
from infra.local.stack import removal, standing
from infra.local.stack.checkout import Checkout
from infra.screen import Screen
from infra.settings import LocalSettings

_PAUSE_S: Final = 0.1
_PATIENCE_S: Final = 90.0


@dataclass(frozen=True)
class Stopped:
    """What became of a stack that was told to stop."""

    supervisor: int
    processes: tuple[str, ...]
    took_s: float


@click.command()
@json_option(
    "Print one object: `state`, `folder`, `supervisor`, `processes`, `data_bytes`, `log_excess_bytes`, addresses."
)
def status(as_json: bool) -> None:
    """Show whether the stack of this folder runs: its processes, addresses and key, and how big its data are.

    The folder is .headrace (HEADRACE_LOCAL__DIR). Works also where nothing runs, and starts nothing.

    \b
    headrace status
    headrace status --json | jq -r .gateway_url
    until headrace status > /dev/null; do sleep 1; done

    \b
    Exit code: 0 it runs and all of it is ready, 1 it runs and something is not ready (or it is starting or stopping),
    3 nothing runs.
    """  # noqa: D301 # \b is click's mark for lines that are not to be wrapped
    found = asyncio.run(standing.look(LocalSettings.from_env(), SystemClock()))
    if as_json:
        print_json(standing_shown.plain(found))
    else:
        standing_shown.show(found, Screen(highlight=False))
    sys.exit(found.exit_code)


@click.command()
@click.option(
    "--timeout",
    "timeout_s",
    type=Number(),
    default=_PATIENCE_S,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for its end.",
)
@json_option("Print one object: `folder`, `stopped` (whether one ran), `supervisor`, `processes`, `took_s`.")
def stop(timeout_s: float, as_json: bool) -> None:
    """Stop the stack that `headrace up` started in this folder, and wait until nothing of it is left.

    Requests and generations under way may end first, as on Ctrl-C. Where nothing runs there is nothing to do, and that
    is no error. Only the process that holds the folder's lock is told to stop.

    \b
    headrace stop
    HEADRACE_LOCAL__DIR=/srv/headrace headrace stop --timeout 30

    \b
    Exit code: 0 nothing runs any more, 1 it did not end in time.
    """  # noqa: D301 # \b is click's mark for lines that are not to be wrapped
    folder = LocalSettings.from_env().dir
    done = _stop(folder, timeout_s)
    if as_json:
        told = {"supervisor": None, "processes": [], "took_s": 0.0} if done is None else vars(done)
        print_json({"folder": str(folder.absolute()), "stopped": done is not None, **told})
    elif done is None:
        click.echo(f"nothing runs from {folder.absolute()}")
    else:
        click.echo(_told(done) + f"; the data stay in {folder.absolute()}")


@click.command()
@click.option("--yes", is_flag=True, help="Delete without asking; needed where nobody can be asked.")
@json_option("Print one object: `folder`, `deleted`, `freed_bytes`, `left` (what others put there), `stopped`.")
def reset(yes: bool, as_json: bool) -> None:
    """Delete the data of the stack of this folder, after asking; one that runs is stopped first.

    Jobs, conversations, keys, analytics and logs go; downloads are kept. Only what a stack made is deleted, and only
    in a folder that is a stack's own: no link, and none that holds your home or the folder you are in.

    \b
    headrace reset
    headrace reset --yes && headrace up
    """  # noqa: D301 # \b is click's mark for lines that are not to be wrapped
    folder = LocalSettings.from_env().dir
    if not folder.exists() and not folder.is_symlink():
        _tell_deleted(folder, 0, [], None, as_json=as_json, deleted=False)
        return
    removal.refuse_what_is_no_stacks(folder, Path.cwd(), Path.home())
    sizes = footprint.sizes(folder)
    if not yes:
        _ask(folder, sizes)
    done = _stop(folder, _PATIENCE_S)
    left = removal.remove(Checkout(folder))
    _tell_deleted(folder, sum(sizes.values()), left, done, as_json=as_json, deleted=True)


def _ask(folder: Path, sizes: dict[str, int]) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here: give --yes to delete the data of the stack")
    sized = f"{standing_shown.sizes_line(sizes)} of the stack in {folder.absolute()}"
    running = lock.holder(Checkout(folder).lock) is not None
    click.echo(f"This deletes {sized}{'; it runs, and is stopped first' if running else ''}.", err=True)
    click.confirm("Delete them?", abort=True, err=True)


def _stop(folder: Path, timeout_s: float) -> Stopped | None:
    path = Checkout(folder).lock
    supervisor = lock.holder(path)
    if supervisor is None:
        return None
    began_s = time.monotonic()
    names = _names(folder)
    try:
        os.kill(supervisor, signal.SIGTERM)
    except ProcessLookupError:
        # It ended by itself in this moment.
        pass
    except PermissionError:
        raise Failed(f"process {supervisor} that runs {folder.absolute()} belongs to another user") from None
    _await_end(path, names, supervisor, began_s + timeout_s)
    return Stopped(supervisor, tuple(names), round(time.monotonic() - began_s, 1))


def _await_end(path: Path, names: dict[str, int], supervisor: int, deadline_s: float) -> None:
    shown = Console(stderr=True).status("stopping") if sys.stderr.isatty() else nullcontext()
    with shown as spinner:
        while lock.is_held(path):
            running = [name for name, pid in names.items() if standing.vitals(pid) is not None]
            if time.monotonic() > deadline_s:
                left = ", ".join(running) or "itself"
                raise Failed(
                    f"the stack (process {supervisor}) has not ended yet; still there: {left}. "
                    f"`kill -9 {supervisor}` ends it at once, and all of its processes with it"
                )
            if spinner is not None:
                spinner.update(f"stopping; {len(running)} of {len(names)} processes left: {', '.join(running)}")
            time.sleep(_PAUSE_S)


def _names(folder: Path) -> dict[str, int]:
    stack = stack_file.read(LocalSettings(dir=folder))
    return dict(stack.processes) if stack is not None else {}


def _told(done: Stopped) -> str:
    return (
        f"stopped {len(done.processes)} processes in {done.took_s:g} s"
        if done.processes
        else "stopped it while it was starting"
    )


def _tell_deleted(
    folder: Path, freed_bytes: int, left: list[str], done: Stopped | None, *, as_json: bool, deleted: bool
) -> None:
    if as_json:
        told: dict[str, Any] = {"folder": str(folder.absolute()), "deleted": deleted, "freed_bytes": freed_bytes}
        print_json({**told, "left": left, "stopped": done is not None})
        return
    if done is not None:
        click.echo(_told(done))
    if not deleted:
        click.echo(f"there is nothing to delete: no {folder.absolute()}")
        return
    click.echo(f"deleted {standing_shown.in_words(freed_bytes)} in {folder.absolute()}")
    if left:
        click.echo(f"left there, for no stack made it: {', '.join(left)}")
