"""Waiting until the service takes prompts. Nobody knows how long the log is that Redis is filled from: no deadline."""

import asyncio
from typing import Any, Final

import aiohttp

from infra.local.progress import StartUp

_LOOK_EVERY_S: Final = 0.2
_PATIENCE: Final = aiohttp.ClientTimeout(total=5.0)


async def until_whole(gateway_url: str, shown: StartUp) -> None:
    """Wait until the gateway says that prompts would be taken; show what it waits for, and how far the log is read."""
    async with aiohttp.ClientSession(timeout=_PATIENCE) as session:
        while (told := await _asked(session, f"{gateway_url}/readyz")).get("status") != "ready":
            missing = [name for name, there in told.get("parts", {"gateway": False}).items() if not there]
            view = told.get("view", {})
            shown.told("service", f"waiting for {', '.join(missing)}", view.get("whole", 0), view.get("partitions", 0))
            await asyncio.sleep(_LOOK_EVERY_S)
    shown.ready("service")


async def _asked(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    try:
        async with session.get(url) as response:
            told: dict[str, Any] = await response.json()
            return told
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return {}
