"""What the app and each request carry, under typed keys; what a folder of ours makes has its key beside it."""

import asyncio

import aiohttp
from aiohttp import web

from gateway.background import Background
from gateway.http.origin import Origin, Proxies
from gateway.settings import GatewaySettings
from infra.clock import Clock
from infra.fuse import Fuse
from infra.sealing import Seal
from infra.settings import KafkaSettings
from infra.telemetry.metrics import Metrics
from producers.access.registry import RegistryReader
from producers.answers.feedback import Feedback
from producers.batches.store import Batches
from producers.conversations.store import Conversations
from producers.destinations import Policy
from producers.events import KeyIssued
from producers.files.store import Files
from producers.idempotency.once import Once
from producers.jobs.intake import Intake
from producers.log.publisher import Publisher
from producers.moderation import Moderator
from producers.state.retention import Retention
from producers.state.scripts import Scripts

SETTINGS = web.AppKey("settings", GatewaySettings)
WEBHOOKS = web.AppKey("webhooks", Policy)
"""Where webhooks may go."""
CLOCK: web.AppKey[Clock] = web.AppKey("clock", Clock)
METRICS = web.AppKey("metrics", Metrics)
PUBLISHER = web.AppKey("publisher", Publisher)
REGISTRY = web.AppKey("registry", RegistryReader)
SEAL: web.AppKey[Seal | None] = web.AppKey("seal", Seal)
"""Under which the secrets of new keys are kept; None where the gateway has no HEADRACE_SECRET_KEY."""
MODERATOR = web.AppKey("moderator", Moderator)
LOG = web.AppKey("log", KafkaSettings)
"""Where the log is."""
SCRIPTS = web.AppKey("scripts", Scripts)
INTAKE = web.AppKey("intake", Intake)
RETENTION = web.AppKey("retention", Retention)
CONVERSATIONS = web.AppKey("conversations", Conversations)
FEEDBACK = web.AppKey("feedback", Feedback)
FILES = web.AppKey("files", Files)
BATCHES = web.AppKey("batches", Batches)
ONCE = web.AppKey("once", Once)
BACKGROUND = web.AppKey("background", Background)
REPORTS = web.AppKey("reports", aiohttp.ClientSession)
LEAVING = web.AppKey("leaving", asyncio.Event)
"""Set when the process is told to stop: requests are still taken, but no load balancer should send any."""
FUSE = web.AppKey("fuse", Fuse)
STOPPING = web.AppKey("stopping", asyncio.Event)
"""Set when nothing new is taken any more."""
PROXIES = web.AppKey("proxies", Proxies)

CALLER = web.RequestKey("caller", KeyIssued)
REQUEST_ID = web.RequestKey("request_id", str)
ORIGIN = web.RequestKey("origin", Origin)
LIMITS = web.RequestKey("limits", dict[str, str])
"""How the caller's key stands, as headers; there once the request was counted."""
