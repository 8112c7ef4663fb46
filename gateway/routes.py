"""The table of URLs."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.web_urldispatcher import MatchInfoError, UrlMappingMatchInfo

from gateway import health, models, tickets
from gateway.admin import audit, dead_letters, tenants
from gateway.admin import keys as admin_keys
from gateway.batches import handlers as batches
from gateway.chat import handlers as chat
from gateway.chat import later as chat_later
from gateway.chat import stored as chats
from gateway.conversations import handlers as conversations
from gateway.conversations import items as conversation_items
from gateway.embeddings import handlers as embeddings
from gateway.files import handlers as files
from gateway.jobs import events, feedback, timeline
from gateway.jobs import handlers as jobs
from gateway.jobs import listing as job_list
from gateway.markdown import handlers as markdown
from gateway.openapi import serve as openapi
from gateway.pages import serve
from gateway.reports import handlers as reports
from gateway.reports import usage
from gateway.responses import handlers as responses

_JOB = "/v1/jobs/{job_id}"
_CHAT = "/v1/chat/completions/{completion_id}"
_RESPONSE = "/v1/responses/{response_id}"
_KEY = "/v1/admin/keys/{key_id}"
_LETTER = "/v1/admin/dead_letters/{letter_id}"
_TENANT = "/v1/admin/tenants/{tenant}"
_CONVERSATION = "/v1/conversations/{conversation_id}"
_FILE = "/v1/files/{file_id}"
_BATCH = "/v1/batches/{batch_id}"


def table() -> list[web.RouteDef]:
    """Every URL, and who answers it."""
    table = _table()
    return [web.RouteDef(it.method, it.path, it.handler, {**it.kwargs, "expect_handler": expect}) for it in table]


async def expect(request: web.Request) -> None:
    """`Expect` is answered by the middleware `inviting`: here, nobody knows yet whether the body is wanted."""


class Router(web.UrlDispatcher):
    """aiohttp's, but `Expect` at an unknown URL or method is left to our middlewares, too."""

    async def resolve(self, request: web.Request) -> UrlMappingMatchInfo:
        """Who answers a request; where nobody does, the problem that tells so."""
        found = await super().resolve(request)
        return found if found.http_exception is None else _Nowhere(found.http_exception)


class _Nowhere(MatchInfoError):
    @property
    def expect_handler(self) -> Callable[[web.Request], Awaitable[None]]:
        return expect


def _table() -> list[web.RouteDef]:
    return [
        web.post("/v1/jobs", jobs.submit_job),
        web.get("/v1/jobs", job_list.list_jobs),
        web.get(_JOB, jobs.read_job),
        web.get(f"{_JOB}/events", events.follow_job, allow_head=False),
        web.get(f"{_JOB}/timeline", timeline.read_timeline),
        web.post(f"{_JOB}/cancel", jobs.cancel_job),
        web.post(f"{_JOB}/feedback", feedback.give_feedback),
        web.post("/v1/chat/completions", chat.complete),
        web.get("/v1/chat/completions", chats.list_completions),
        web.get(_CHAT, chat_later.read_completion, allow_head=False),
        web.post(_CHAT, chats.update_completion),
        web.delete(_CHAT, chats.delete_completion),
        web.get(f"{_CHAT}/messages", chats.list_messages),
        web.post("/v1/responses", responses.create),
        web.get(_RESPONSE, responses.show, allow_head=False),
        web.delete(_RESPONSE, responses.delete),
        web.post(f"{_RESPONSE}/cancel", responses.cancel),
        web.get(f"{_RESPONSE}/input_items", responses.list_input_items),
        web.post("/v1/conversations", conversations.create),
        web.get("/v1/conversations", conversations.list_all),
        web.get(_CONVERSATION, conversations.show),
        web.post(_CONVERSATION, conversations.update),
        web.delete(_CONVERSATION, conversations.delete),
        web.get(f"{_CONVERSATION}/export", conversation_items.export, allow_head=False),
        web.get(f"{_CONVERSATION}/items", conversation_items.list_items),
        web.post(f"{_CONVERSATION}/items", conversation_items.add_items),
        web.get(f"{_CONVERSATION}/items/{{item_id}}", conversation_items.show_item),
        web.delete(f"{_CONVERSATION}/items/{{item_id}}", conversation_items.delete_item),
        web.post("/v1/embeddings", embeddings.embed),
        web.post("/v1/files", files.upload),
        web.get("/v1/files", files.list_all),
        web.get(_FILE, files.show),
        web.delete(_FILE, files.delete),
        web.get(f"{_FILE}/content", files.content, allow_head=False),
        web.post("/v1/batches", batches.submit),
        web.get("/v1/batches", batches.list_all),
        web.get(_BATCH, batches.show),
        web.post(f"{_BATCH}/cancel", batches.cancel),
        web.post("/v1/markdown", markdown.render),
        web.post("/v1/tickets", tickets.issue),
        web.get("/v1/models", models.list_models),
        web.get("/v1/models/{model:.+}", models.read_model),
        web.get("/v1/reports", reports.list_reports),
        web.get("/v1/reports/{name}", reports.read_report),
        web.get("/v1/usage", usage.read_usage),
        web.get("/v1/dashboard", reports.show_dashboard),
        web.get("/v1/dashboard/{chart}.csv", reports.export_chart),
        web.post("/v1/admin/keys", admin_keys.create),
        web.get("/v1/admin/keys", admin_keys.list_all),
        web.get(_KEY, admin_keys.show),
        web.post(_KEY, admin_keys.change),
        web.delete(_KEY, admin_keys.revoke),
        web.post(f"{_KEY}/rotate", admin_keys.rotate),
        web.get("/v1/admin/tenants", tenants.list_all),
        web.get(_TENANT, tenants.show),
        web.post(_TENANT, tenants.define),
        web.get("/v1/admin/dead_letters", dead_letters.list_all),
        web.post("/v1/admin/dead_letters/redrive", dead_letters.redrive_all),
        web.get(_LETTER, dead_letters.show),
        web.post(f"{_LETTER}/redrive", dead_letters.redrive),
        web.post(f"{_LETTER}/discard", dead_letters.discard),
        web.get("/v1/admin/audit", audit.list_acts),
        web.get("/healthz", health.healthz),
        web.get("/readyz", health.readyz),
        web.get("/metrics", health.metrics),
        web.get("/openapi.json", openapi.show_document),
        web.get("/docs", openapi.show_page),
        web.get("/", serve.page("chat.html")),
        web.get("/dashboard", serve.page("dashboard.html")),
        web.get("/dead", serve.page("dead.html")),
        web.get("/static/{path:.+}", serve.static),
    ]
