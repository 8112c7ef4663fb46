"""Every process of a running stack shows what it counted to whoever reads its stack.json."""

import aiohttp
import pytest

from infra.telemetry.metrics import catalogue
from producers.events import LANES
from tests.acceptance.test_promises import ended, submit
from tests.support.eventually import eventually
from tests.support.receiver import Receiver
from tests.support.scrape import families, scrape, status
from tests.support.whole import Whole

PROCESSES = {"gateway", "worker", "fanout", "deliver", "retrain", "ingest", "reports"}
pytestmark = pytest.mark.timeout(300)


async def test_a_job_s_way_is_counted_by_every_process_it_goes_through(
    service: Whole, client: aiohttp.ClientSession, receiver: Receiver
) -> None:
    urls = service.stack["metrics"]
    assert set(urls) == PROCESSES
    before = {name: await scrape(url) for name, url in urls.items()}

    async def grew(process: str, sample: str, by: float = 1) -> None:
        async def has_grown() -> bool:
            return (await scrape(urls[process])).get(sample, 0) - before[process].get(sample, 0) >= by

        await eventually(has_grown, within_s=45, what=f"{process}: {sample}")

    job = await submit(client, "count me", webhook={"url": receiver.url})
    await ended(client, job)
    async with client.post(f"/v1/jobs/{job}/feedback", json={"kind": "thumb", "value": "up"}) as given:
        assert given.status == 201, await given.text()

    await grew("gateway", 'headrace_jobs_total{state="queued"}')
    await grew("gateway", 'headrace_feedback_total{kind="thumb"}')
    await grew("worker", 'headrace_jobs_total{state="completed"}')
    await grew("worker", 'headrace_queue_wait_seconds_count{lane="standard"}')
    await grew("worker", 'headrace_ttft_seconds_count{lane="standard"}')
    await grew("deliver", 'headrace_webhook_attempts_total{outcome="delivered"}')
    await grew("retrain", "headrace_examples_total")
    async with client.get("/v1/reports") as listed:
        assert listed.status == 200, await listed.text()
    await grew("reports", 'headrace_http_requests_total{method="GET",route="/v1/reports",status="200"}')
    await grew("ingest", 'headrace_rows_written_total{table="answers"}')
    await eventually(lambda: _waits_nothing(urls["fanout"]), what="fanout with empty lanes")
    for process in ("worker", "fanout", "deliver", "retrain", "ingest"):
        await eventually(lambda: _is_level(urls[process], process), within_s=45, what=f"{process} without lag")  # noqa: B023
    for process in PROCESSES:
        fed = {each.name for each in catalogue() if process in each.fed_by}
        assert await families(urls[process]) == fed, f"{process} feeds what the catalogue says, and nothing else"


async def _waits_nothing(url: str) -> bool:
    """Whether this process shows how deep each lane is, and none is."""
    depths = {each: value for each, value in (await scrape(url)).items() if "queue_depth" in each}
    assert depths.keys() == {f'headrace_queue_depth{{lane="{lane}"}}' for lane in LANES}
    return not any(depths.values())


async def _is_level(url: str, group: str) -> bool:
    """Whether this process shows its lag, and has none."""
    lags = {each: value for each, value in (await scrape(url)).items() if each.startswith("headrace_consumer_lag")}
    assert all(f'group="{group}"' in each for each in lags)
    return bool(lags) and not any(lags.values())


async def test_every_process_says_that_it_is_ready(service: Whole) -> None:
    for process, url in service.stack["metrics"].items():
        assert await status(url.replace("/metrics", "/healthz")) == 200
        await eventually(lambda: _is_ready(url), what=f"{process} ready")  # noqa: B023


async def _is_ready(url: str) -> bool:
    return await status(url.replace("/metrics", "/readyz")) == 200
