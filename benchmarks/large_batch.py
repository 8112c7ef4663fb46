"""A large file and large batches through a live gateway: time, memory, and each line told once.

Run: `python -m benchmarks.large_batch [--megabytes 200] [--lines 50000] [--run 5000]`. One file of that size and so
many lines is uploaded, checked and started as a batch, and cancelled; one with wrong lines is refused with their
numbers; a smaller batch runs to its end in the batch lane, while the gateway is killed in the middle.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import click
from rich.console import Console

from benchmarks import batch_lines, processes, told
from benchmarks.batch_lines import ENDPOINT, Told
from benchmarks.service import MODEL, an_unlimited_key
from tests.support.whole import Whole, whole

LONGEST_S = 900.0
_MIB = 1024 * 1024


@dataclass
class Watched:
    """What was seen while something went on: seconds, the gateway's memory, and how long others' calls took."""

    seconds: float = 0.0
    began_bytes: int = 0
    most_bytes: int = 0
    calls_ms: list[float] = field(default_factory=list)

    @property
    def grown_mib(self) -> float:
        """By how much the gateway grew at most."""
        return (self.most_bytes - self.began_bytes) / _MIB

    def cells(self, *more: str) -> list[str]:
        """As the end of a row."""
        ordered = sorted(self.calls_ms) or [float("nan")]
        slowest = f"{ordered[len(ordered) // 2]:.0f} ms, {ordered[-1]:.0f} ms"
        return [f"{self.seconds:.1f} s", f"{self.began_bytes / _MIB:.0f} + {self.grown_mib:.1f} MiB", slowest, *more]


@dataclass
class Client:
    """Calls the gateway, whichever process it is just now."""

    service: Whole
    http: aiohttp.ClientSession
    folder: Path

    async def upload(self, file: Path) -> Any:
        """POST /v1/files; the file is read as it is sent."""
        with file.open("rb") as opened:
            form = aiohttp.FormData({"purpose": "batch"})
            form.add_field("file", opened, filename=file.name)
            async with self.http.post("/v1/files", data=form) as response:
                return await told_well(response)

    async def submit(self, file_id: str) -> str:
        """POST /v1/batches; its id."""
        asked = {"input_file_id": file_id, "endpoint": ENDPOINT, "completion_window": "24h"}
        async with self.http.post("/v1/batches", json=asked) as response:
            return str((await told_well(response))["id"])

    async def show(self, batch_id: str) -> Any:
        """GET /v1/batches/{id}; a gateway that is just being started anew is waited for."""
        while True:
            try:
                async with self.http.get(f"/v1/batches/{batch_id}") as response:
                    if response.status < 500:
                        return await told_well(response)
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.1)

    async def until(self, batch_id: str, what: Callable[[Any], bool]) -> Any:
        """The batch once that is true of it."""
        async with asyncio.timeout(LONGEST_S):
            while not what(batch := await self.show(batch_id)):
                if batch["status"] in ("failed", "completed", "cancelled", "expired"):
                    raise RuntimeError(f"the batch has ended: {batch}")
                await asyncio.sleep(0.1)
        return batch

    async def lines(self, file_id: str | None) -> list[bytes]:
        """The lines of an output or an error file."""
        if file_id is None:
            return []
        async with self.http.get(f"/v1/files/{file_id}/content") as response:
            response.raise_for_status()
            return (await response.read()).splitlines()

    async def told(self, batch: Any, count: int) -> Told:
        """Whether its files tell of each line once."""
        files = [await self.lines(batch[name]) for name in ("output_file_id", "error_file_id")]
        return batch_lines.told_once(count, *files)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[Watched]:
        """Look at the gateway's memory meanwhile, and call it as others would."""
        pid = self.service.stack["processes"]["gateway"]
        seen = Watched(began_bytes=processes.memory(pid).rss_bytes)
        tasks = [asyncio.create_task(self._weigh(pid, seen)), asyncio.create_task(self._call(seen))]
        began = time.perf_counter()
        yield seen
        seen.seconds = time.perf_counter() - began
        for each in tasks:
            each.cancel()
        await asyncio.wait(tasks)

    async def _weigh(self, pid: int, seen: Watched) -> None:
        while True:
            seen.most_bytes = max(seen.most_bytes, processes.memory(pid).rss_bytes)
            await asyncio.sleep(0.05)

    async def _call(self, seen: Watched) -> None:
        while True:
            began = time.perf_counter()
            async with self.http.get("/v1/models") as response:
                await response.read()
            seen.calls_ms.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(0.05)


async def told_well(response: aiohttp.ClientResponse) -> Any:
    """The JSON of an answer that is none of an error."""
    content = await response.json()
    if response.status >= 300:
        raise RuntimeError(f"{response.status}: {content}")
    return content


async def a_large_one(client: Client, megabytes: int, lines: int) -> list[list[str]]:
    """Uploaded, checked, started, cancelled."""
    file = client.folder / "large.jsonl"
    with file.open("wb") as opened:
        opened.writelines(batch_lines.inputs(MODEL, lines, megabytes * 1000 * 1000 // lines))
    size = f"{file.stat().st_size / 1e6:.0f} MB"
    async with client.watching() as uploading:
        stored = await client.upload(file)
    rows = [[f"upload of {size}", *uploading.cells("stored whole" if stored["bytes"] == file.stat().st_size else "NO")]]
    async with client.watching() as checking:
        batch_id = await client.submit(stored["id"])
        await client.until(batch_id, lambda batch: batch["status"] == "in_progress")
    rows.append([f"{lines:,} lines checked", *checking.cells(f"{lines / checking.seconds:,.0f} lines/s")])
    await client.until(batch_id, lambda batch: batch["request_counts"]["completed"] >= min(200, lines // 10))
    async with client.watching() as cancelling:
        async with client.http.post(f"/v1/batches/{batch_id}/cancel") as response:
            await told_well(response)
        ended = await client.until(batch_id, lambda batch: batch["status"] == "cancelled")
    result = await client.told(ended, lines)
    rows.append(["the same cancelled, and written", *cancelling.cells(_as_told(result, ended))])
    return rows


async def a_wrong_one(client: Client, lines: int) -> list[str]:
    """Refused with the numbers of its wrong lines."""
    wrong = {7, lines // 2, lines}
    file = client.folder / "wrong.jsonl"
    with file.open("wb") as opened:
        opened.writelines(batch_lines.inputs(MODEL, lines, 200, wrong=wrong))
    stored = await client.upload(file)
    async with client.watching() as checking:
        batch_id = await client.submit(stored["id"])
        ended = await client.until(batch_id, lambda batch: batch["status"] == "failed")
    named = {each["line"] for each in ended["errors"]["data"]}
    told = f"refused for lines {sorted(named)}" if named == wrong else f"NO: refused for lines {sorted(named)}"
    return [f"{lines:,} lines with 3 wrong ones", *checking.cells(told)]


async def one_to_the_end(client: Client, lines: int) -> list[str]:
    """Run in the batch lane; the gateway is killed in the middle, and the batch goes on."""
    file = client.folder / "run.jsonl"
    with file.open("wb") as opened:
        opened.writelines(batch_lines.inputs(MODEL, lines, 200))
    stored, began = await client.upload(file), time.perf_counter()
    batch_id = await client.submit(stored["id"])
    await client.until(batch_id, lambda batch: batch["request_counts"]["completed"] >= lines // 2)
    client.service.kill("gateway")
    killed = time.perf_counter()
    back = await client.show(batch_id)
    away_s = time.perf_counter() - killed
    ended = await client.until(batch_id, lambda batch: batch["status"] == "completed")
    seconds, result = time.perf_counter() - began, await client.told(ended, lines)
    after = f"gateway killed at {back['request_counts']['completed']:,}, back after {away_s:.1f} s; "
    name = f"{lines:,} lines run to the end"
    return [name, f"{seconds:.1f} s", "", "", f"{lines / seconds:.0f} lines/s; {after}{_as_told(result, ended)}"]


def _as_told(result: Told, ended: Any) -> str:
    counts = f"{ended['request_counts']['completed']:,} answered"
    if result.is_right:
        return f"{result.once:,} lines told once each, {counts}"
    return f"NO: {result.never:,} lines told never, {result.again:,} again, {result.unknown:,} unknown; {counts}"


async def measure(service: Whole, folder: Path, megabytes: int, lines: int, run: int) -> list[list[str]]:
    """All of it, a row each."""
    headers = {"Authorization": f"Bearer {an_unlimited_key(service.folder)}"}
    limits = aiohttp.ClientTimeout(total=LONGEST_S)
    async with aiohttp.ClientSession(service.stack["gateway_url"], headers=headers, timeout=limits) as http:
        client = Client(service, http, folder)
        await asyncio.sleep(2.0)  # the gateway reads the key within a second
        rows = await a_large_one(client, megabytes, lines)
        click.echo("the large one is done", err=True)
        rows.append(await a_wrong_one(client, lines))
        click.echo("the wrong one is done", err=True)
        return [*rows, await one_to_the_end(client, run)]


@click.command()
@click.option("--megabytes", default=200, show_default=True, help="Size of the large file.")
@click.option("--lines", default=50_000, show_default=True, help="Lines of it.")
@click.option("--run", default=5_000, show_default=True, help="Lines of the batch that runs to its end.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Where to write the table as JSON.")
def main(megabytes: int, lines: int, run: int, file: Path | None) -> None:
    """Measure and check; ends with 1 where a line is told never or twice, or a wrong one is not named."""
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as inputs,
        whole(Path(folder)) as service,
    ):
        service.model.turn(first_token_ms=2, token_ms=1, answer_tokens=4)
        rows = asyncio.run(measure(service, Path(inputs), megabytes, lines, run))
    heads = ("step", "time", "gateway's memory before, and most it grew", "others' calls: median, slowest", "came to")
    told.say(Console(), told.markdown(heads, rows))
    if file is not None:
        file.write_text(json.dumps([dict(zip(heads, row, strict=True)) for row in rows], indent=1))
    sys.exit(1 if any("NO" in row[-1] for row in rows) else 0)


if __name__ == "__main__":
    main()
