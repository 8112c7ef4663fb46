"""`headrace up` and `headrace demo`: the whole service on this machine."""

import asyncio
import contextlib
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Awaitable, Iterator, Mapping
from functools import partial
from typing import Any, Final, TypeVar

import click
from rich.console import Console

from infra import lock
from infra.command_line import json_option, print_json
from infra.errors import CannotStart
from infra.local.commands import standing_shown, tour
from infra.local.processes.ports import kept
from infra.local.stack.checkout import Checkout
from infra.local.stack.housekeeping import keep_tidy
from infra.local.stack.plan import Stack
from infra.local.stack.progress import StartUp
from infra.local.stack.supervisor import Supervisor
from infra.local.stack.whole import first_model, until_whole
from infra.screen import LiveScreen
from infra.settings import LocalSettings

ENDED_BY_SIGNAL: Final = 130
UNANSWERED: Final = 1

Made = TypeVar("Made")


class Interrupted(Exception):  # noqa: N818,RUF100 - no fault, a wish
    """Ctrl-C or SIGTERM came first."""


@click.command(epilog="Example: headrace up --no-prompts --json > up.json")
@click.option(
    "--prompts/--no-prompts", default=True, show_default=True, help="Send three prompts first, to show it work."
)
@json_option("Print one object once it is up: `folder`, `pages`, what stack.json says, and what `demo --json` prints.")
def up(*, prompts: bool, as_json: bool) -> None:
    """Start the whole service on this machine, show it working, and stay until Ctrl-C.

    Real Kafka, Redis, ClickHouse and a model server are started as child processes. What is given by its address is
    used instead: HEADRACE_KAFKA__BOOTSTRAP_SERVERS, HEADRACE_REDIS__URL, HEADRACE_CLICKHOUSE__URL, HEADRACE_TGI__URL.
    Everything is kept in .headrace/ (HEADRACE_LOCAL__DIR); .headrace/stack.json says where everything is.

    When whoever read its output has gone (`headrace up | head`), it stops as on Ctrl-C.
    """
    sys.exit(asyncio.run(live(stay=True, prompts=prompts, as_json=as_json)))


@click.command(epilog="Example: headrace demo --json | jq .prompts[].answer")
@json_option("Print one object: `ready_s`, and of each of `prompts` its `answer`, `steps`, `webhook` and `row`.")
def demo(as_json: bool) -> None:
    """Start the whole service, send three real prompts through it, and stop it again.

    Exits with 0 only if all three were answered.
    """
    sys.exit(asyncio.run(live(stay=False, prompts=True, as_json=as_json)))


async def live(*, stay: bool, prompts: bool, as_json: bool = False) -> int:
    """One life of the stack, from start to stop; returns the exit code. With `as_json` it talks on standard error."""
    began = time.monotonic()
    loop = asyncio.get_running_loop()
    local = LocalSettings.from_env()
    checkout = Checkout(local.dir)
    checkout.claim()
    with lock.held(checkout.lock), _signals() as stop, contextlib.ExitStack() as places:
        # A `headrace reset` may have ended between the two.
        checkout.mark()
        # One that was killed said it, and it must not be taken for ours.
        checkout.forget_description()
        console = LiveScreen(partial(loop.call_soon_threadsafe, stop.set), stderr=as_json)
        stack, whole = Stack.at(checkout, local), asyncio.Event()
        places.enter_context(kept(stack.ports.values()))
        tidying: asyncio.Task[None] | None = None
        say = partial(console.print, style="yellow", markup=False, highlight=False, soft_wrap=True)
        supervisor = Supervisor(
            say=say,
            changed=lambda pids: checkout.describe(stack.description(pids)) if whole.is_set() else None,
        )
        try:
            with StartUp(console) as shown:
                await _unless(stop, supervisor.start(stack.plan(), shown))
                await _unless(stop, until_whole(stack.gateway_url, shown))
            whole.set()
            tidying = asyncio.create_task(keep_tidy(local, stack.logs, stack.log_room, say))
            described = stack.description(supervisor.pids)
            checkout.describe(described)
            told = _told(stack, described) if stay else {}
            shown_to_end = _show_and_stay(
                stack, console, stop if stay else None, began, prompts=prompts, told=told if as_json else None
            )
            return await _unless(stop, shown_to_end)
        except Interrupted:
            return 0 if (stay and whole.is_set()) or console.is_closed else ENDED_BY_SIGNAL
        finally:
            console.print("stopping …")
            if tidying:
                tidying.cancel()
            await supervisor.stop()
            checkout.forget_description()
            console.print("stopped; nothing is left running")


async def _show_and_stay(
    stack: Stack,
    console: Console,
    stop: asyncio.Event | None,
    began: float,
    *,
    prompts: bool,
    told: Mapping[str, Any] | None,
) -> int:
    """Show it working, and wait for its end; `told` is printed as JSON, with what was asked besides."""
    assert stack.key is not None  # noqa: S101 - it is up
    model = await first_model(stack.gateway_url, stack.key.api_key)
    if model is None:
        await stack.renew_key()
        raise CannotStart("key", "the log does not know the kept API key", advice="start again: another was made")
    ready_s = time.monotonic() - began
    console.print(f"\nready after {ready_s:.1f} s")
    toured = tour.Tour(answered=True, prompts=[])
    if prompts:
        console.print("three prompts through the whole chain:")
        toured = await tour.walk(stack.client_environment(), as_json=told is not None)
    _print_places(stack, model, console)
    if told is not None:
        print_json({**told, "ready_s": round(ready_s, 1), "prompts": toured.prompts})
    if stop is not None:
        console.print("\nup; Ctrl-C stops everything")
        await stop.wait()
        return 0
    return 0 if toured.answered else UNANSWERED


def _told(stack: Stack, described: Mapping[str, Any]) -> dict[str, Any]:
    folder = str(stack.local.dir.absolute())
    return {"folder": folder, "pages": standing_shown.pages(stack.gateway_url), **described}


def _print_places(stack: Stack, model: str, console: Console) -> None:
    assert stack.key is not None  # noqa: S101 - it is up
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "What is a headrace?"}]})
    places = {
        "gateway": stack.gateway_url,
        "dashboard": f"{stack.gateway_url}/dashboard",
        "API key": stack.key.api_key,
        "webhooks": f"{stack.receiver_url}received",
        "kafka": stack.addresses.kafka.bootstrap_servers,
        "redis": stack.addresses.redis.url,
        "clickhouse": stack.addresses.clickhouse.url,
        "tgi": stack.addresses.tgi.url,
        "metrics": f"{stack.gateway_url}/metrics; of the others: stack.json",
        "all of it": str(stack.local.dir / "stack.json"),
        "logs": str(stack.local.dir / "logs"),
    }
    console.print()
    for name, place in places.items():
        console.out(f"  {name:<11} {place}", highlight=False)
    curl = (
        f"curl -s {stack.gateway_url}/v1/chat/completions -H 'Authorization: Bearer {stack.key.api_key}' "
        f"-H 'Content-Type: application/json' -d {shlex.quote(body)}"
    )
    console.print("\nTry it:")
    console.out(curl, highlight=False)
    console.out(f"or open {stack.gateway_url}/ in a browser, and sign in with the API key above", highlight=False)


@contextlib.contextmanager
def _signals() -> Iterator[asyncio.Event]:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Under nohup a closed terminal is to mean nothing.
    hung_up = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    numbers = (signal.SIGINT, signal.SIGTERM, *hung_up)

    def heard(number: int) -> None:
        # Only a person at the keyboard is impatient: two `headrace stop` are one.
        if stop.is_set() and number == signal.SIGINT:
            # Every child is tied to us and ends with us.
            os._exit(ENDED_BY_SIGNAL)
        stop.set()

    for number in numbers:
        loop.add_signal_handler(number, heard, number)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def _unless(stop: asyncio.Event, work: Awaitable[Made]) -> Made:
    """What the work gives, unless `stop` is set before it ends; the work is cancelled then."""
    working = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Interrupted
        return await working
    finally:
        for task in (working, stopping):
            task.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)
