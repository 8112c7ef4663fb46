"""The table of URLs."""

from aiohttp import HttpVersion11, web

from gateway import chat, conversations, events, feedback, health, jobs, markdown, models, reports, timeline
from gateway.pages import serve

_JOB = "/v1/jobs/{job_id}"
_CONVERSATION = "/v1/conversations/{conversation_id}"


def table() -> list[web.RouteDef]:
    """Every URL, and who answers it."""
    table = _table()
    return [web.RouteDef(it.method, it.path, it.handler, {**it.kwargs, "expect_handler": expect}) for it in table]


async def expect(request: web.Request) -> None:
    """`Expect: 100-continue` is answered; what else a client may expect is passed over."""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.version == HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # So that the head of the response proper is written as if nothing had been.
        request.writer.output_size = 0


def _table() -> list[web.RouteDef]:
    return [
        web.post("/v1/jobs", jobs.submit_job),
        web.get(_JOB, jobs.read_job),
        web.get(f"{_JOB}/events", events.follow_job, allow_head=False),
        web.get(f"{_JOB}/timeline", timeline.read_timeline),
        web.post(f"{_JOB}/cancel", jobs.cancel_job),
        web.post(f"{_JOB}/feedback", feedback.give_feedback),
        web.post("/v1/chat/completions", chat.complete),
        web.post("/v1/conversations", conversations.create),
        web.get("/v1/conversations", conversations.list_all),
        web.get(_CONVERSATION, conversations.show),
        web.post(_CONVERSATION, conversations.update),
        web.delete(_CONVERSATION, conversations.delete),
        web.get(f"{_CONVERSATION}/items", conversations.list_items),
        web.post("/v1/markdown", markdown.render),
        web.get("/v1/models", models.list_models),
        web.get("/v1/models/{model:.+}", models.read_model),
        web.get("/v1/reports", reports.list_reports),
        web.get("/v1/reports/{name}", reports.read_report),
        web.get("/v1/dashboard", reports.show_dashboard),
        web.get("/v1/dashboard/{chart}.csv", reports.export_chart),
        web.get("/healthz", health.healthz),
        web.get("/readyz", health.readyz),
        web.get("/metrics", health.metrics),
        web.get("/", serve.page("chat.html")),
        web.get("/dashboard", serve.page("dashboard.html")),
        web.get("/static/{path:.+}", serve.static),
    ]
