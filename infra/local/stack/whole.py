"""Waiting until the service takes prompts. Nobody knows how long the log is that Redis is filled from: no deadline."""

import asyncio
import time
from typing import Any, Final

import aiohttp

from infra.errors import Unavailable
from infra.local.stack.progress import StartUp

_LOOK_EVERY_S: Final = 0.2
_PATIENCE: Final = aiohttp.ClientTimeout(total=5.0)
_KEY_WITHIN_S: Final = 5.0
_MODELS_WITHIN_S: Final = 15.0


async def until_whole(gateway_url: str, shown: StartUp) -> None:
    """Wait until the gateway says that prompts would be taken; show what it waits for, and how far the log is read."""
    async with aiohttp.ClientSession(timeout=_PATIENCE) as session:
        while (told := await _asked(session, f"{gateway_url}/readyz")).get("status") != "ready":
            missing = [name for name, there in told.get("parts", {"gateway": False}).items() if not there]
            view = told.get("view", {})
            shown.told("service", f"waiting for {', '.join(missing)}", view.get("whole", 0), view.get("partitions", 0))
            await asyncio.sleep(_LOOK_EVERY_S)
    shown.ready("service")


async def first_model(gateway_url: str, api_key: str) -> str | None:
    """The first model that this key may use, or None where the gateway does not know the key.

    Both take a while to be known: keys arrive through the log.

    Raises:
        Unavailable: the gateway does not show its models in time.
    """
    why, began_s = "", time.monotonic()
    async with aiohttp.ClientSession(timeout=_PATIENCE, headers={"Authorization": f"Bearer {api_key}"}) as session:
        while (waited_s := time.monotonic() - began_s) < _MODELS_WITHIN_S:
            try:
                async with session.get(f"{gateway_url}/v1/models") as response:
                    if response.status == 401 and waited_s > _KEY_WITHIN_S:
                        return None
                    return str((await response.json())["data"][0]["id"])
            except (aiohttp.ClientError, TimeoutError, ValueError, LookupError, TypeError) as error:
                why = repr(error)
            await asyncio.sleep(_LOOK_EVERY_S)
    raise Unavailable("gateway", f"the gateway at {gateway_url} does not show its models: {why}")


async def _asked(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    try:
        async with session.get(url) as response:
            told: dict[str, Any] = await response.json()
            return told
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return {}
