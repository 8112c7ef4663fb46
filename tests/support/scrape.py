"""What Prometheus would read from a process of ours."""

from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families


async def scrape(url: str) -> dict[str, float]:
    """Samples by name and labels, as `headrace_jobs_total{state="queued"}`; labels in alphabetical order."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 200, await response.text()
        return samples(await response.text())


def samples(text: str) -> dict[str, float]:
    """The samples of a text in Prometheus' format."""
    found = [each for family in text_string_to_metric_families(text) for each in family.samples]
    return {_named(each): each.value for each in found}


async def families(url: str) -> set[str]:
    """Names of our metrics, those without a sample too, as the catalogue has them."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        found = {each.name for each in text_string_to_metric_families(await response.text())}
    return {each for each in found if each.startswith("headrace_") and not each.endswith("_created")}


async def status(url: str) -> int:
    """The status of a GET; 0 where nobody answers."""
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status
    except aiohttp.ClientError:
        return 0


def _named(sample: Any) -> str:
    labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
    return f"{sample.name}{{{labels}}}" if labels else str(sample.name)
