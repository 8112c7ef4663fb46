"""Many open streams of job events at one gateway process: what each costs, and whether each brings every frame.

Run: `python -m benchmarks.open_streams [--streams 10000] [--jobs 100] [--idle 35]`. The jobs are queued while the
worker stands still; every stream is opened, and stays open with pings alone; then the worker goes on, and each stream
brings its job's pieces and its end. Every reader's frames are checked: all there, in order, numbers without a gap, and
the text the answer's. Readers are one process, the gateway another: each needs a file for each stream (`ulimit -n`).
"""

import asyncio
import itertools
import json
import os
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
import uvloop
from rich.console import Console
from rich.progress import Progress

from benchmarks import frames, processes, told
from benchmarks.load import closed_loop, post
from benchmarks.peers import Contestant
from benchmarks.processes import Memory
from benchmarks.service import MODEL, headrace
from benchmarks.stream_readers import Readers
from tests.support.freezing import frozen
from tests.support.whole import Whole

LONGEST_S = 540.0
_KIB = 1024


@dataclass
class Measured:
    """Of one run; seconds, and seconds of the gateway's processor."""

    streams: int
    jobs: int
    before: Memory
    opened_s: float = 0.0
    opening_cpu_s: float = 0.0
    put_off: int = 0
    opened: Memory = field(default_factory=lambda: Memory(0, 0))
    idle_s: float = 0.0
    idle_cpu_s: float = 0.0
    pings: int = 0
    told_s: float = 0.0
    telling_cpu_s: float = 0.0
    after: Memory = field(default_factory=lambda: Memory(0, 0))
    frames: int = 0
    wrong: Counter[str] = field(default_factory=Counter)

    def each_kib(self, of: str) -> float:
        """What a stream takes of the gateway's memory."""
        grown: int = getattr(self.opened, of) - getattr(self.before, of)
        return grown / self.streams / _KIB


async def queue_jobs(ours: Contestant, count: int, tokens: int) -> list[str]:
    """So many jobs that nothing runs yet; their ids."""
    number = itertools.count()

    def make() -> bytes:
        body = {"model": MODEL, "input": f"stream {next(number)}", "max_tokens": tokens, "cache": "bypass"}
        return post("/v1/jobs", ours.headers, body)

    kept: list[bytes] = []
    while len(kept) < count:
        kept += (await closed_loop(ours.port, make, min(16, count), 1.0 if count > 500 else 0.0, keep=True)).kept
    return [found[1].decode() for head in kept[:count] if (found := re.search(rb"location: .*/([^/\s]+)", head))]


async def measure(service: Whole, ours: Contestant, streams: int, jobs: int, tokens: int, idle_s: float) -> Measured:
    """Open, wait, listen to the end, check."""
    worker = service.stack["processes"]["worker"]
    with frozen(worker):
        return await _measure(ours, worker, streams, jobs, tokens, idle_s)


async def _measure(ours: Contestant, worker: int, streams: int, jobs: int, tokens: int, idle_s: float) -> Measured:
    ids = await queue_jobs(ours, jobs, tokens)
    found, readers = Measured(streams, jobs, processes.memory(ours.pid)), Readers(ours.port, ours.headers)
    paths = [f"/v1/jobs/{ids[n % jobs]}/events" for n in range(streams)]
    with Progress() as progress:
        opening = progress.add_task("opening", total=streams)
        with timed(ours.pid) as spent:
            await readers.open(paths, lambda: progress.advance(opening))
        found.opened_s, found.opening_cpu_s = spent
        found.put_off = readers.put_off
        await asyncio.sleep(1.0)
        found.opened, heard = processes.memory(ours.pid), readers.heard
        waiting = progress.add_task("idle", total=idle_s)
        with timed(ours.pid) as spent:
            for _ in range(int(idle_s)):
                await asyncio.sleep(1.0)
                progress.advance(waiting)
        found.idle_s, found.idle_cpu_s = spent
        found.pings = readers.heard - heard
        ending = progress.add_task("telling", total=streams)
        os.kill(worker, signal.SIGCONT)
        with timed(ours.pid) as spent:
            await readers.ended(lambda done: progress.update(ending, completed=done), LONGEST_S)
        found.told_s, found.telling_cpu_s = spent
        checking = progress.add_task("checking", total=streams)
        for each in readers.all:
            count, wrong = frames.check(bytes(each.body))
            found.frames += count
            found.wrong.update([wrong] if wrong else [])
            progress.advance(checking)
    await asyncio.sleep(2.0)
    found.after = processes.memory(ours.pid)
    return found


@contextmanager
def timed(pid: int) -> Iterator[list[float]]:
    """Afterwards it holds seconds, and the process' seconds of processor."""
    spent: list[float] = []
    began, cpu_s = time.perf_counter(), processes.cpu_s(pid)
    yield spent
    spent += [time.perf_counter() - began, processes.cpu_s(pid) - cpu_s]


HEADS = (
    *("streams", "RSS a stream", "PSS a stream", "opened, processor each", "told to come back (503)"),
    *("idle: of a core, pings a second", "frames told, processor each", "streams that lack something"),
    "RSS before, open, after",
)


def table(waves: Sequence[Measured]) -> str:
    """All of it, as Markdown; what a stream takes is of the first wave: the others find its memory there."""
    rows = []
    for found in waves:
        sizes = (found.before, found.opened, found.after)
        rows.append([
            f"{found.streams:,} over {found.jobs:,} jobs",
            f"{found.each_kib('rss_bytes'):.1f} KiB", f"{found.each_kib('pss_bytes'):.1f} KiB",
            f"{found.streams / found.opened_s:.0f}/s, {found.opening_cpu_s / found.streams * 1000:.2f} ms",
            f"{found.put_off:,}",
            f"{found.idle_cpu_s / found.idle_s:.1%}, {found.pings / found.idle_s:.0f}",
            f"{found.frames:,} in {found.told_s:.1f} s, {found.telling_cpu_s / max(1, found.frames) * 1e6:.0f} µs",
            f"{found.wrong.total():,}",
            ", ".join(f"{each.rss_bytes / _KIB / _KIB:.0f}" for each in sizes) + " MiB",
        ])  # fmt: skip
    return told.markdown(HEADS, rows)


@click.command()
@click.option("--streams", default=10_000, show_default=True, help="Streams that are open at once.")
@click.option("--jobs", default=100, show_default=True, help="Jobs they are shared by.")
@click.option("--tokens", default=20, show_default=True, help="Tokens of each answer.")
@click.option("--token-ms", default=100.0, show_default=True, help="Pause between two of them.")
@click.option("--idle", "idle_s", default=35.0, show_default=True, help="Seconds in which only pings are sent.")
@click.option("--waves", "times", default=1, show_default=True, help="How often all of it, at the same gateway.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Where to write all figures.")
def main(streams: int, jobs: int, tokens: int, token_ms: float, idle_s: float, times: int, file: Path | None) -> None:
    """Measure and check; ends with 1 where a stream lacks anything."""
    with tempfile.TemporaryDirectory() as folder, headrace(Path(folder)) as (service, ours):
        service.model.turn(first_token_ms=token_ms, token_ms=token_ms, answer_tokens=tokens)
        waves = []
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            for number in range(times):
                waves.append(runner.run(measure(service, ours, streams, min(jobs, streams), tokens, idle_s)))
                click.echo(f"wave {number + 1} of {times} is over", err=True)
    told.say(Console(), table(waves))
    wrong = sum((each.wrong for each in waves), Counter[str]())
    for what, count in wrong.most_common(5):
        told.say(Console(), f"{count:,} streams: {what}")
    if file is not None:
        file.write_text(json.dumps([_plain(each) for each in waves], indent=1))
    sys.exit(1 if wrong.total() else 0)


def _plain(found: Measured) -> dict[str, float]:
    figures = {name: each for name, each in vars(found).items() if isinstance(each, int | float)}
    sizes = {"before": found.before, "opened": found.opened, "after": found.after}
    return figures | {f"{name}_rss_bytes": each.rss_bytes for name, each in sizes.items()}


if __name__ == "__main__":
    main()
