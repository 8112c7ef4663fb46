"""What the gateway takes and adds, beside a bare aiohttp proxy, LiteLLM and TensorZero, before one model server.

Run: `python -m benchmarks.gateway --peers FOLDER [--rounds 3] [--seconds 3] [--json FILE]`. Each contestant's process
is kept to one core, everything else (this load, the model server, Kafka, Redis, the workers) to the others.

Durable accept and cache hits have no like at the others: they stand beside the others' plain way through. Accept is
measured in rounds of its own, with the worker standing still, lest it pay for running what it accepts; afterwards each
job that was promised is looked for in the log.
"""

import asyncio
import itertools
import os
import random
import re
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import click
import uvloop
from rich.console import Console
from rich.progress import Progress

from benchmarks import goals, peers, processes, told
from benchmarks.frontier import Found, Turn
from benchmarks.load import Make, closed_loop, post
from benchmarks.peers import Contestant
from benchmarks.service import MODEL, headrace, jobs_in_log, without_worker
from tests.support.whole import Whole

CALLERS = (1, 4, 16, 64, 256)
ANSWER_TOKENS = 8
OWN_CORE = {0}
_number = itertools.count()


@dataclass
class Arm:
    """One way to call one contestant, what was measured of it, and the heads of its answers where they are kept."""

    name: str
    contestant: Contestant
    make: Make
    keep: bool = False
    found: Found = field(default_factory=Found)
    kept: list[bytes] = field(default_factory=list)


def chat(contestant: Contestant, *, stream: bool = False, again: bool = False) -> Make:
    """A chat completion nobody asked before, or the same one `again` and again."""

    def make() -> bytes:
        words = "the same question" if again else f"question {next(_number)}"
        body = {
            "model": contestant.model,
            "messages": [{"role": "user", "content": words}],
            "max_tokens": ANSWER_TOKENS,
            "stream": stream,
        }
        return post(contestant.chat, contestant.headers, body)

    return make


def job(contestant: Contestant) -> Make:
    """A job that nobody asked for before."""
    return lambda: post(
        "/v1/jobs", contestant.headers, {"model": MODEL, "input": f"job {next(_number)}", "max_tokens": 1}
    )


async def measure(arms: Sequence[Arm], rounds: int, seconds: float, at_once: Sequence[int], what: str) -> None:
    """Every arm with every number of callers, in an order drawn anew each round; the first round is not counted.

    A turn begins when what came before is over: who comes next does not pay for its aftermath.
    """
    dice = random.Random(7)
    turns = [(arm, each) for arm in arms for each in at_once]
    with Progress(transient=True) as progress:
        task = progress.add_task(what, total=(rounds + 1) * len(turns))
        for number in range(rounds + 1):
            dice.shuffle(turns)
            for arm, callers in turns:
                await processes.calm()
                turn = await one_turn(arm, callers, seconds if number else min(seconds, 0.5))
                arm.kept += turn.loaded.kept
                if number:
                    arm.found.add(callers, turn)
                progress.advance(task)


async def one_turn(arm: Arm, callers: int, seconds: float) -> Turn:
    """Call so long, and see who was busy."""
    beside = sorted(os.sched_getaffinity(0) - OWN_CORE) or sorted(OWN_CORE)
    own_s, load_s, beside_s = processes.cpu_s(arm.contestant.pid), _load_s(), processes.busy_s(beside)
    loaded = await closed_loop(arm.contestant.port, arm.make, callers, seconds, keep=arm.keep)
    own_s, load_s = processes.cpu_s(arm.contestant.pid) - own_s, _load_s() - load_s
    return Turn(loaded, own_s, load_s, processes.busy_s(beside) - beside_s, len(beside))


def _load_s() -> float:
    used = os.times()
    return used.user + used.system


def arms_of(direct: Contestant, others: Iterable[Contestant], ours: Contestant) -> list[Arm]:
    """All ways but accept."""
    everybody = (*others, ours)
    arms = [Arm(goals.DIRECT, direct, chat(direct)), Arm(goals.DIRECT_STREAMED, direct, chat(direct, stream=True))]
    arms += [Arm(f"{each.name}: chat", each, chat(each)) for each in everybody]
    arms += [Arm(f"{each.name}: streamed", each, chat(each, stream=True)) for each in everybody]
    return [*arms, Arm(goals.HIT, ours, chat(ours, again=True))]


def missing(accept: Arm, service: Whole) -> tuple[int, int]:
    """How many jobs were promised, and how many of them the log does not hold."""
    promised = {found[1].decode() for head in accept.kept if (found := re.search(rb"location: .*/([^/\s]+)", head))}
    if len(promised) != len(accept.kept):
        raise RuntimeError(f"{len(accept.kept)} answers named {len(promised)} jobs")
    return len(promised), len(promised - jobs_in_log(service, "standard"))


@click.command()
@click.option("--peers", "folder", type=click.Path(path_type=Path), help="Where the others are, or are installed.")
@click.option("--rounds", default=3, show_default=True, help="Rounds that are counted.")
@click.option("--seconds", default=3.0, show_default=True, help="How long each turn lasts.")
@click.option("--callers", "at_once", multiple=True, default=CALLERS, show_default=True, help="Callers at once.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Where to write all figures.")
def main(folder: Path | None, rounds: int, seconds: float, at_once: tuple[int, ...], file: Path | None) -> None:
    """Measure the gateway beside others; ends with 1 where a job that was promised is not in the log."""
    with ExitStack() as stack:
        service, ours = stack.enter_context(headrace(Path(stack.enter_context(tempfile.TemporaryDirectory()))))
        service.model.turn(first_token_ms=0, token_ms=0, answer_tokens=ANSWER_TOKENS)
        direct = Contestant("direct", urlsplit(service.model.url).port or 80, service.model.process.pid, {}, MODEL)
        others = [stack.enter_context(peers.bare(service.model.url, MODEL))]
        others.append(stack.enter_context(peers.bare(service.model.url, MODEL, "bare aiohttp again (A/A)")))
        if folder is not None:
            others.append(stack.enter_context(peers.litellm(service.model.url, MODEL, folder)))
            others.append(stack.enter_context(peers.tensorzero(service.model.url, MODEL, folder)))
        for each in (ours, *others):
            peers.on_core(each.pid, OWN_CORE)
        arms = arms_of(direct, others, ours)
        accept = Arm(goals.ACCEPT, ours, job(ours), keep=True)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(measure(arms, rounds, seconds, at_once, "chats and hits"))
            with without_worker(service):
                again = [each for each in arms if each.name.endswith(": chat") and each.contestant is not ours]
                runner.run(measure([*again, accept], rounds, seconds, at_once, "accept"))
        promised, lost = missing(accept, service)
    found = {each.name: each.found for each in (*arms, accept)}
    told.show(Console(width=200), found, promised, lost)
    if file is not None:
        file.write_text(told.figures(found, promised, lost))
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
