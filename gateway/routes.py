"""The table of URLs."""

from aiohttp import web

from gateway import chat, conversations, events, feedback, health, jobs, models, reports, timeline

_JOB = "/v1/jobs/{job_id}"
_CONVERSATION = "/v1/conversations/{conversation_id}"


def table() -> list[web.RouteDef]:
    """Every URL, and who answers it."""
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
        web.delete(_CONVERSATION, conversations.delete),
        web.get(f"{_CONVERSATION}/items", conversations.list_items),
        web.get("/v1/models", models.list_models),
        web.get("/v1/models/{model:.+}", models.read_model),
        web.get("/v1/reports", reports.list_reports),
        web.get("/v1/reports/{name}", reports.read_report),
        web.get("/healthz", health.healthz),
        web.get("/readyz", health.readyz),
        web.get("/metrics", health.metrics),
    ]
