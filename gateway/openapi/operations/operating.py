"""Models, reports, Markdown, the process itself, and the pages."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from msgspec import Meta

from gateway.embeddings.asking import AskedEmbeddings
from gateway.markdown.handlers import AskedMarkdown
from gateway.openapi.operation import IF_NONE_MATCH, JSON, Content, Operation, Reply, query, replies
from gateway.shapes.operating import (
    AliveShape,
    DashboardShape,
    EmbeddingListShape,
    MarkdownListShape,
    ModelListShape,
    ModelShape,
    ReadinessShape,
    ReportListShape,
    ReportShape,
    TicketShape,
    UsageListShape,
)
from gateway.tickets import AskedTicket
from producers.events import Lane

Second = Annotated[float, Meta(ge=0)]
_RANGE: Final = (
    query("since_s", Second, "From then on, in unix seconds."),
    query("until_s", Second, "Before then, in unix seconds."),
    query("zone_s", int, "Seconds east of UTC, for buckets that begin at midnight."),
    query("model", str, "Only of this model."),
    query("lane", Lane, "Only of this lane."),
    query("status", Literal["completed", "failed", "cancelled", "aborted", "expired"], "Only with this end."),
    query("job", str, "Only this job."),
)
_PRESET: Final = query(
    "range", Literal["15m", "1h", "24h", "7d", "30d"], "Up to now, not beside `since_s` or `until_s`."
)
_UNCHANGED: Final = Reply("You have it already.", headers=("ETag", "Cache-Control"))


def _file(summary: str, *media_types: str, tag: str = "Pages", about: str = "") -> Operation:
    """A file that is served as it is."""
    found = Reply("The file.", {each: Content() for each in media_types}, ("ETag", "Cache-Control"))
    return Operation(tag, summary, {200: found, 304: _UNCHANGED}, about, asks=(IF_NONE_MATCH,), is_open=True)


OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("GET", "/v1/models"): Operation(
        "Models", "List the models", {200: replies(ModelListShape, "Those that your key may use.")}
    ),
    ("GET", "/v1/models/{model}"): Operation(
        "Models", "Read a model", {200: replies(ModelShape, "The model.")}, about="Its name may hold slashes."
    ),
    ("POST", "/v1/embeddings"): Operation(
        "Models",
        "Make vectors of texts",
        {200: replies(EmbeddingListShape, "The vectors.")},
        about="Moderation may refuse them (400 `content_filter`).",
        takes=AskedEmbeddings,
        fails=(404,),
    ),
    ("POST", "/v1/tickets"): Operation(
        "Operating",
        "Get a ticket for a browser's stream",
        {200: replies(TicketShape, "Good for one GET of that path, within a minute.", "Cache-Control")},
        about="A key must be in no URL; a ticket, as `?ticket=`, may.",
        takes=AskedTicket,
    ),
    ("POST", "/v1/markdown"): Operation(
        "Operating",
        "Render Markdown",
        {200: replies(MarkdownListShape, "HTML that is safe to show.")},
        takes=AskedMarkdown,
    ),
    ("GET", "/v1/reports"): Operation(
        "Reports", "List the reports", {200: replies(ReportListShape, "What can be asked for.")}
    ),
    ("GET", "/v1/reports/{name}"): Operation(
        "Reports",
        "Read a report",
        {200: replies(ReportShape, "Its rows.")},
        asks=(
            *_RANGE,
            query("bucket_s", Annotated[int, Meta(ge=1, le=366 * 86_400)], "How wide a bucket is."),
            query("limit", Annotated[int, Meta(ge=1, le=10_000)], "How many rows at most."),
        ),
    ),
    ("GET", "/v1/usage"): Operation(
        "Reports",
        "Read usage and cost",
        {200: replies(UsageListShape, "By key, model and month.")},
        about="Of your own tenant; with the scope `admin` of another, or of all.",
        asks=(
            query("from", str, "The first month; this one where it is not given.", pattern=r"^20\d\d-(0[1-9]|1[0-2])$"),
            query("to", str, "The last month; this one where it is not given.", pattern=r"^20\d\d-(0[1-9]|1[0-2])$"),
            query("group_by", str, "Some of month, tenant, key and model, with commas between."),
            query("key", str, "Only of this key, by its id."),
            query("model", str, "Only of this model."),
            query("tenant", str, "Of this tenant."),
            query("all_tenants", Literal["true", "false"], "Of all tenants."),
        ),
    ),
    ("GET", "/v1/dashboard"): Operation(
        "Reports",
        "Read the dashboard's numbers",
        {200: replies(DashboardShape, "The charts with their data.")},
        asks=(_PRESET, *_RANGE, query("charts", str, "Only these, by their ids, with commas between.")),
    ),
    ("GET", "/v1/dashboard/{chart}.csv"): Operation(
        "Reports",
        "Export a chart",
        {200: Reply("Its data.", {"text/csv": Content()}, ("Content-Disposition",))},
        asks=(_PRESET, *_RANGE),
    ),
    ("GET", "/healthz"): Operation(
        "Operating", "Is it alive?", {200: replies(AliveShape, "The process lives and its loop turns.")}, is_open=True
    ),
    ("GET", "/readyz"): Operation(
        "Operating",
        "Is it ready?",
        {
            200: replies(ReadinessShape, "Prompts are taken, now and for a while."),
            503: replies(ReadinessShape, "They are not; the parts say why."),
        },
        is_open=True,
    ),
    ("GET", "/metrics"): Operation(
        "Operating",
        "What was counted, for Prometheus",
        {200: Reply("The metrics.", {"text/plain": Content()})},
        is_open=True,
    ),
    ("GET", "/openapi.json"): _file("This document", JSON, tag="Operating"),
    ("GET", "/docs"): _file("This document, for people", "text/html"),
    ("GET", "/"): _file("The chat page", "text/html"),
    ("GET", "/dashboard"): _file("The dashboard", "text/html"),
    ("GET", "/dead"): _file("The dead letters", "text/html"),
    ("GET", "/static/{path}"): _file(
        "A file that a page is made of", "text/css", "text/javascript", "image/svg+xml", about="Paths have slashes."
    ),
}
