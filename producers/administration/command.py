"""What the administrators' commands share: the log as it stands, and who is at the keyboard."""

import asyncio
import dataclasses
import getpass
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from infra import kafka, stack_file
from infra.clock import SystemClock
from infra.settings import KafkaSettings, LocalSettings
from producers.access.registry import Registry, RegistryReader
from producers.administration.acts import Actor, Administration
from producers.log.publisher import Publisher

PATIENCE_S: Final = 10.0
"""Longest wait for the broker, and for the registry to be read."""

Answer = TypeVar("Answer")
Work = Callable[[Administration, Registry], Awaitable[Answer]]


def run(work: Work[Answer]) -> Answer:
    """Do it with the registry as it stands.

    Raises:
        Unavailable: no broker answers.
    """
    return asyncio.run(_with_registry(log_settings(), work))


def log_settings() -> KafkaSettings:
    """Where the log is: as the environment says, or else the stack that runs here.

    Raises:
        Unavailable: neither says it.
    """
    settings = stack_file.addressed(KafkaSettings.from_env(), stack_file.read(LocalSettings.from_env()))
    kafka.servers(settings)
    return settings


async def _with_registry(settings: KafkaSettings, work: Work[Answer]) -> Answer:
    async with connected(settings) as (pen, registry):
        return await work(Administration(pen, registry, SystemClock(), actor()), registry)


def actor() -> Actor:
    """Who is at the keyboard."""
    return Actor(_user(), "command line", socket.gethostname())


@asynccontextmanager
async def connected(settings: KafkaSettings) -> AsyncIterator[tuple[Publisher, Registry]]:
    """A pen, and the registry as it stands.

    Raises:
        Unavailable: no broker answers.
    """
    # The command says itself what went wrong; each try of pen and reader would only drown it.
    logging.getLogger("producers").addHandler(logging.NullHandler())
    # A person waits here, not a client with a deadline: be as patient as the producer is.
    patient = dataclasses.replace(settings, ack_timeout_s=settings.delivery_timeout_s)
    pen, reader = Publisher(patient, "headrace-keys"), RegistryReader(patient, "headrace-keys")
    pen.start()
    reader.start()
    try:
        await pen.wait_connected(PATIENCE_S)
        await reader.wait_ready(PATIENCE_S)
        yield pen, reader.registry
    finally:
        await asyncio.gather(pen.close(), reader.close())


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
