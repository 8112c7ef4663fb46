"""`headrace audit` of a running service, as its operator runs it."""

import asyncio
import json
from functools import partial
from typing import Any

from tests.support.command import headrace
from tests.support.whole import Whole


async def audited(service: Whole, *options: str) -> dict[str, Any]:
    """The verdict; the exit code says the same."""
    given = ("audit", "--patience", "60", "--json", *options)
    done = await asyncio.to_thread(partial(headrace, *given, folder=service.folder))
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if found["kept"] else 1), done.stderr
    return found
