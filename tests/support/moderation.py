"""Hooks as an operator might write them, and what they were asked."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

ASKED: list[Mapping[str, Any]] = []
"""Emptied by the tests that look."""


def said(question: Mapping[str, Any]) -> str:
    """What is to be judged."""
    return str(question["text"] if question["stage"] == "answer" else question["messages"][-1]["content"])


def no_mills(question: Mapping[str, Any]) -> bool:
    """Plain: refuses mills."""
    ASKED.append(question)
    return "mill" not in said(question)


async def no_rivers(question: Mapping[str, Any]) -> Mapping[str, Any]:
    """A coroutine, with a reason: refuses rivers."""
    return {"allowed": "river" not in said(question), "reason": "no rivers"}


async def no_floods(question: Mapping[str, Any]) -> bool:
    """Refuses floods, wherever they stand."""
    return "flood" not in str(question)


async def nothing_at_all(_: Mapping[str, Any]) -> bool:
    """Refuses all."""
    return False


def broken(question: Mapping[str, Any]) -> bool:
    """Fails, and says on what."""
    raise RuntimeError(f"out of order: {question}")


def unclear(_: Mapping[str, Any]) -> str:
    """Says what nobody understands."""
    return "maybe"


async def slow(_: Mapping[str, Any]) -> bool:
    """Takes too long."""
    await asyncio.sleep(60)
    return True


def slow_in_a_thread(_: Mapping[str, Any]) -> bool:
    """Takes too long, and cannot be interrupted."""
    time.sleep(0.3)
    return True
