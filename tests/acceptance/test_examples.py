"""Every example is run as its first lines say, on the whole running service."""

import asyncio
import json
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from gateway.client import AsyncHeadrace
from gateway.client.settings import ClientSettings
from infra.local.processes.ports import free_ports
from infra.settings import PREFIX
from tests.support.eventually import eventually
from tests.support.whole import Whole

EXAMPLES = Path(__file__).parents[2] / "examples"
# The whole service starts first.
pytestmark = pytest.mark.timeout(300)


def command_of(name: str) -> str:
    """How the docstring of an example says that it is run."""
    said = re.search(rf"^\$ (python examples/{name}[^#\n]*)", (EXAMPLES / name).read_text(), re.MULTILINE)
    assert said, f"{name} does not say how it is run"
    return said[1].strip()


@asynccontextmanager
async def running(service: Whole, name: str, more: str = "", **environment: str) -> AsyncIterator[Process]:
    """An example that runs in the service's folder, which looks like a clone."""
    link = service.folder / "examples"
    if not link.exists():
        link.symlink_to(EXAMPLES)
    bare = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    bare["PATH"] = f"{sys.prefix}/bin:{bare['PATH']}"
    process = await asyncio.create_subprocess_shell(
        f"exec {command_of(name)} {more}", cwd=service.folder, env={**bare, **environment}, stdout=PIPE, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def printed(service: Whole, name: str, **environment: str) -> str:
    """What an example prints that ends by itself, and well."""
    async with running(service, name, **environment) as process:
        out, log = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, log.decode()
    return out.decode()


@asynccontextmanager
async def a_client(service: Whole) -> AsyncIterator[AsyncHeadrace]:
    settings = ClientSettings(url=service.stack["gateway_url"], api_key=service.stack["api_key"])
    async with AsyncHeadrace(settings=settings) as headrace:
        yield headrace


def test_every_example_is_run_here() -> None:
    here = Path(__file__).read_text()

    names = {str(path.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("*.py")}
    assert {name for name in names if f'"{name}"' not in here} == set()


async def test_a_prompt_is_submitted_and_its_answer_awaited(service: Whole) -> None:
    out = await printed(service, "submit_and_wait.py")

    assert re.match(r"job_\w+ is queued\n.+", out)
    assert re.search(r"ms  visible$", out, re.MULTILINE)


async def test_a_stream_goes_on_elsewhere_without_a_gap(service: Whole) -> None:
    out = await printed(service, "stream_with_resume.py")

    assert "another client goes on" in out
    assert out.endswith("is completed, and nothing is missing: True\n")


async def test_two_turns_and_what_somebody_thinks_of_the_last(service: Whole) -> None:
    out = await printed(service, "conversation_with_feedback.py")

    assert re.findall(r"^ *(user|assistant): ", out, re.MULTILINE) == ["user", "assistant"] * 2
    assert re.search(r"fb_\w+: up; the same author again replaces it: True, down", out)


async def test_the_openai_sdk_needs_nothing_but_the_address(service: Whole) -> None:
    url, key = f"{service.stack['gateway_url']}/v1", service.stack["api_key"]

    out = await printed(service, "openai_sdk.py", OPENAI_BASE_URL=url, OPENAI_API_KEY=key)

    assert re.search(r".+\n.+ \(\d+ tokens\)", out)


async def test_what_was_published_straight_to_the_log_is_a_job_like_any_other(service: Whole) -> None:
    out = await printed(service, "publish_straight_to_kafka.py")

    assert "refused before it was sent: temperature" in out
    placed = re.findall(r"^(order-\d): (job_\w+) at prompts.batch\[(\d)\]@(\d+)", out, re.MULTILINE)
    ended = dict(re.findall(r"^(order-\d): completed: (.+)", out, re.MULTILINE))
    (seven, eight, again) = placed
    assert seven[1:3] == again[1:3]
    assert (seven[1] != eight[1], int(again[3]) > int(seven[3])) == (True, True)
    async with a_client(service) as headrace:
        job = await headrace.jobs.get(seven[1])
        assert (job.text, job.lane, job.attempt) == (ended["order-7"], "batch", 1)
        assert [each.step for each in (await headrace.jobs.timeline(job.id)).steps][-1] == "visible"

        async def are_there() -> bool:
            found = await headrace.reports.get("recent_jobs", limit=100)
            rows = [each["job_id"] for each in found.data if each["job_id"] in (seven[1], eight[1])]
            return sorted(rows) == sorted([seven[1], eight[1]])

        await eventually(are_there, what="exactly one row of each job in ClickHouse")


async def test_a_load_is_put_on_and_its_score_written(service: Whole) -> None:
    out = await printed(service, "load_generator.py")

    score = json.loads(out)
    told = json.loads((service.folder / "load.json").read_text())
    assert (score["errors"], score["due"]) == ({}, score["ended"])
    assert score["due"] > 10
    assert set(score["latency_ms"]) == {"accepted", "first token", "ended", "webhook"}
    for times in score["latency_ms"].values():
        assert 0 < times["p50"] <= times["p90"] <= times["p99"] <= times["max"]
    assert told["stages"] == [{"per_s": 2.0, "seconds": 5.0}, {"per_s": 4.0, "seconds": 5.0}]
    assert told["latency_ms"] == score["latency_ms"]


async def test_a_web_service_asks_and_is_called_back_with_the_answer(service: Whole) -> None:
    (port,) = free_ports(1)
    url, name = f"http://127.0.0.1:{port}", "callback_service/service.py"
    # Headrace is gone when the first question is asked, and then the service is killed.
    async with (
        running(service, name, f"--port {port}", HEADRACE_CLIENT__URL="http://127.0.0.1:1") as process,
        aiohttp.ClientSession() as browser,
    ):
        assert process.stdout is not None
        await asyncio.wait_for(process.stdout.readline(), 60)
        asking = asyncio.create_task(browser.post(f"{url}/ask", data={"question": "Who was first?"}))

        async def is_kept() -> bool:
            async with browser.get(url) as shown:
                return "Who was first?" in await shown.text()

        await eventually(is_kept, what="the question on the page")
        process.kill()
        with pytest.raises(aiohttp.ClientError):
            await asking
    async with running(service, name, f"--port {port}") as process, aiohttp.ClientSession() as browser:
        assert process.stdout is not None
        assert (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip() == url

        async def page() -> str:
            async with browser.get(url) as shown:
                return await shown.text()

        async def is_answered() -> bool:
            return (await page()).count("<i>completed</i>") == 2

        host = {"Host": "example.com"}
        async with browser.post(f"{url}/ask", data={"question": "Why <b>so</b>?"}, headers=host) as asked:
            assert asked.status == 200
        await eventually(is_answered, within_s=60, what="the answer")
        async with browser.post(f"{url}/webhook", data=b"{}", headers={"webhook-id": "msg_1"}) as forged:
            assert forged.status == 401
        shown = await page()
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 60) == 0

    assert "Why &lt;b&gt;so&lt;/b&gt;?" in shown
    assert "http-equiv" not in shown
