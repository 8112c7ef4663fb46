"""What the whole path through Kafka adds to a call, and what it leaves of the model server's tokens a second.

Run: `python -m benchmarks.pipeline [--rounds 8]`. Starts the whole service over the timed model server in a temporary
folder and compares calls through the gateway with the same calls to that very server; the direct ones are baseline
and control.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import click
from rich.console import Console
from rich.table import Table

from benchmarks.measure import Samples, interleave, ratio_of_rounds, spread
from infra.sse import events
from tests.support.whole import Whole, whole

CALLS_A_ROUND = 20
TOKENS = 100
_number = count()


def body(*, stream: bool) -> dict[str, Any]:
    """A prompt that nobody has asked before, so that no cache can answer it."""
    return {
        "model": "HuggingFaceTB/SmolLM2-135M-Instruct",
        "messages": [{"role": "user", "content": f"question {next(_number)}"}],
        "max_tokens": TOKENS,
        "stream": stream,
    }


async def one_call(session: aiohttp.ClientSession) -> float:
    """Seconds of one whole answer, not streamed."""
    started = time.perf_counter()
    async with session.post("/v1/chat/completions", json=body(stream=False)) as reply:
        answer = await reply.json()
        assert reply.status == 200, answer
        assert answer["choices"][0]["message"]["content"]
    return time.perf_counter() - started


async def calls(session: aiohttp.ClientSession) -> list[float]:
    """Latencies in ms, one call at a time."""
    return [1000 * await one_call(session) for _ in range(CALLS_A_ROUND)]


async def streamed(session: aiohttp.ClientSession) -> int:
    """Characters of one streamed answer: the same prompt has the same answer on both ways."""
    characters = 0
    async with session.post("/v1/chat/completions", json=body(stream=True)) as reply:
        assert reply.status == 200, await reply.text()
        async for event in events(reply.content.iter_any()):
            if event.data == "[DONE]":
                break
            chunk = json.loads(event.data)
            assert "error" not in chunk, chunk
            characters += sum(len(each["delta"].get("content") or "") for each in chunk["choices"])
    return characters


async def throughput(session: aiohttp.ClientSession, concurrency: int, answers_each: int = 3) -> list[float]:
    """Characters a second over all streams of `concurrency` clients, each with one prompt at a time."""

    async def client() -> int:
        return sum([await streamed(session) for _ in range(answers_each)])

    started = time.perf_counter()
    characters = sum(await asyncio.gather(*(client() for _ in range(concurrency))))
    return [characters / (time.perf_counter() - started)]


@asynccontextmanager
async def both_ways(service: Whole) -> AsyncIterator[tuple[aiohttp.ClientSession, aiohttp.ClientSession]]:
    """A session straight to the model server, and one through the gateway."""
    unbounded = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(service.model.url, connector=unbounded) as direct,
        aiohttp.ClientSession(
            service.stack["gateway_url"], headers=service.headers, connector=aiohttp.TCPConnector(limit=0)
        ) as through,
    ):
        yield direct, through


async def measure(service: Whole, rounds: int) -> Table:
    """All figures as one table."""
    table = Table("figure", "direct", "direct again (A/A)", "through Kafka", "difference or ratio")
    async with both_ways(service) as (direct, through):
        service.model.turn(first_token_ms=5, token_ms=1, answer_tokens=24)
        found = await interleave(
            {"direct": lambda: calls(direct), "again": lambda: calls(direct), "kafka": lambda: calls(through)}, rounds
        )
        latency_rows(table, found)
        service.model.turn(first_token_ms=20, token_ms=10, answer_tokens=TOKENS)
        for concurrency in (8, 32):
            found = await interleave(
                {
                    "direct": lambda c=concurrency: throughput(direct, c),  # type: ignore[misc]
                    "again": lambda c=concurrency: throughput(direct, c),  # type: ignore[misc]
                    "kafka": lambda c=concurrency: throughput(through, c),  # type: ignore[misc]
                },
                max(3, rounds // 2),
            )
            throughput_row(table, found, concurrency)
    return table


def latency_rows(table: Table, found: dict[str, Samples]) -> None:
    """p50 and p99 of one call at a time, in ms."""
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        direct, again, kafka = (found[arm].percentile(share) for arm in ("direct", "again", "kafka"))
        table.add_row(
            f"latency {name}, 1 at a time", f"{direct:.1f} ms", f"{again:.1f} ms ({again - direct:+.1f})",
            f"{kafka:.1f} ms", f"{kafka - direct:+.1f} ms",
        )  # fmt: skip


def throughput_row(table: Table, found: dict[str, Samples], concurrency: int) -> None:
    """Text a second, as a ratio to the direct way."""
    direct, again, kafka = (found[arm] for arm in ("direct", "again", "kafka"))
    table.add_row(
        f"text a second, {concurrency} at once", f"{direct.p50:.0f}/s", spread(ratio_of_rounds(again, direct)),
        f"{kafka.p50:.0f}/s", spread(ratio_of_rounds(kafka, direct)),
    )  # fmt: skip


@click.command()
@click.option("--rounds", default=8, show_default=True, help="Rounds that are counted.")
def main(rounds: int) -> None:
    """Measure the pipeline against direct calls."""
    with tempfile.TemporaryDirectory() as folder, whole(Path(folder)) as service:
        Console().print(asyncio.run(measure(service, rounds)))


if __name__ == "__main__":
    main()
