"""What the app and each request carry, under typed keys."""

import asyncio

import aiohttp
from aiohttp import web

from gateway.background import Background
from gateway.job_desk import JobDesk
from gateway.live import Live
from gateway.origin import Origin, Proxies
from gateway.renderer import Renderer
from gateway.settings import GatewaySettings
from gateway.sign_ins import SignIns
from gateway.submission import Submissions
from infra.clock import Clock
from infra.telemetry.metrics import Metrics
from producers.conversations import Conversations
from producers.destinations import Policy
from producers.events import KeyIssued
from producers.feedback import Feedback
from producers.jobs.intake import Intake
from producers.jobs.record import Retention
from producers.jobs.scripts import Scripts
from producers.publisher import Publisher
from producers.registry import RegistryReader

SETTINGS = web.AppKey("settings", GatewaySettings)
WEBHOOKS = web.AppKey("webhooks", Policy)
"""Where webhooks may go."""
CLOCK: web.AppKey[Clock] = web.AppKey("clock", Clock)
METRICS = web.AppKey("metrics", Metrics)
PUBLISHER = web.AppKey("publisher", Publisher)
REGISTRY = web.AppKey("registry", RegistryReader)
SCRIPTS = web.AppKey("scripts", Scripts)
INTAKE = web.AppKey("intake", Intake)
SUBMISSIONS = web.AppKey("submissions", Submissions)
JOB_DESK = web.AppKey("job_desk", JobDesk)
RETENTION = web.AppKey("retention", Retention)
CONVERSATIONS = web.AppKey("conversations", Conversations)
FEEDBACK = web.AppKey("feedback", Feedback)
LIVE = web.AppKey("live", Live)
BACKGROUND = web.AppKey("background", Background)
REPORTS = web.AppKey("reports", aiohttp.ClientSession)
LEAVING = web.AppKey("leaving", asyncio.Event)
"""Set when the process is told to stop: requests are still taken, but no load balancer should send any."""
RENDERER = web.AppKey("renderer", Renderer)
STOPPING = web.AppKey("stopping", asyncio.Event)
"""Set when nothing new is taken any more."""
PROXIES = web.AppKey("proxies", Proxies)
SIGN_INS = web.AppKey("sign_ins", SignIns)

CALLER = web.RequestKey("caller", KeyIssued)
REQUEST_ID = web.RequestKey("request_id", str)
ORIGIN = web.RequestKey("origin", Origin)
LIMITS = web.RequestKey("limits", dict[str, str])
"""How the caller's key stands, as headers; there once the request was counted."""
