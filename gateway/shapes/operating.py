"""Models, reports, rendered Markdown, whether the process is well."""

from typing import Any, Literal, TypedDict


class ModelShape(TypedDict):
    """A model that the caller's key may ask."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    task: Literal["chat", "embeddings"]


class ModelListShape(TypedDict):
    """The models."""

    object: Literal["list"]
    data: list[ModelShape]


class EmbeddingShape(TypedDict):
    """A text as a vector: numbers, or base64 of little-endian float32."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class EmbeddingUsageShape(TypedDict):
    """Tokens in."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingListShape(TypedDict):
    """The vectors of the texts, in their order."""

    object: Literal["list"]
    data: list[EmbeddingShape]
    model: str
    usage: EmbeddingUsageShape


class TicketShape(TypedDict):
    """What a browser puts into the URL of a stream, as `ticket`, in place of a key."""

    object: Literal["ticket"]
    ticket: str
    path: str
    expires_at: int


class BlockShape(TypedDict):
    """One block of a text as HTML that is safe to show, and the line on which it begins."""

    line: int
    html: str


class MarkdownShape(TypedDict):
    """One text, rendered."""

    object: Literal["markdown"]
    blocks: list[BlockShape]


class MarkdownListShape(TypedDict):
    """The texts, rendered, in their order."""

    object: Literal["list"]
    data: list[MarkdownShape]


class ReportAboutShape(TypedDict):
    """A report that can be asked for."""

    name: str
    object: Literal["report"]
    about: str


class ReportListShape(TypedDict):
    """The reports."""

    object: Literal["list"]
    data: list[ReportAboutShape]


class UsageShape(TypedDict, total=False):
    """What was used, in one of the groups that were asked for; the cost is null where a model has no price."""

    object: Literal["usage"]
    month: str
    tenant: str
    key: str
    key_name: str | None
    model: str
    jobs: int
    cached_jobs: int
    embeddings: int
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cost: float | None


class UsageListShape(TypedDict):
    """The usage, in the currency of the prices; `has_more` where there was too much to tell."""

    object: Literal["list"]
    data: list[UsageShape]
    currency: str
    has_more: bool


class ReportColumnShape(TypedDict):
    """A column, and its type in ClickHouse."""

    name: str
    type: str


class ReportShape(TypedDict):
    """The rows of a report. Times are unix seconds."""

    object: Literal["report"]
    name: str
    about: str
    since_s: float
    until_s: float
    columns: list[ReportColumnShape]
    data: list[dict[str, Any]]


class DashboardShape(TypedDict):
    """The charts with their data, one object a chart; docs/dashboards.md says what is in them."""

    object: Literal["dashboard"]
    since_s: float
    until_s: float
    bucket_s: int
    buckets: list[int]
    charts: list[dict[str, Any]]


class AliveShape(TypedDict):
    """The process lives."""

    status: Literal["ok"]


class ViewProgressShape(TypedDict):
    """How many partitions of the state view are whole."""

    whole: int
    partitions: int


class ReadinessShape(TypedDict):
    """Whether prompts are taken, and the parts that this needs."""

    status: Literal["ready", "not_ready", "stopping"]
    parts: dict[str, bool]
    view: ViewProgressShape
