"""What the application of `reports` carries, under typed keys."""

from aiohttp import web

from analytics.reports.charts import Dashboard
from analytics.reports.questions import Question
from analytics.reports.reader import Reader
from infra.clock import Clock
from infra.telemetry.metrics import Metrics

READER = web.AppKey("reader", Reader)
QUESTIONS = web.AppKey("questions", dict[str, Question])
DASHBOARD = web.AppKey("dashboard", Dashboard)
CLOCK: web.AppKey[Clock] = web.AppKey("clock", Clock)
MOST_QUERIES = web.AppKey("most_queries", int)
MOST_QUERIES_OF_A_TENANT = web.AppKey("most_queries_of_a_tenant", int)
METRICS = web.AppKey("metrics", Metrics)
