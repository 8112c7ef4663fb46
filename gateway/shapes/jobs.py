"""Jobs, the events of their stream, timelines, feedback (conventions §8)."""

from typing import Literal, NotRequired, TypedDict

from gateway.shapes.answers import (
    ChatCompletionShape,
    CompletionUsageShape,
    FunctionCallShape,
    LogprobsShape,
    TruncatedShape,
)
from gateway.shapes.errors import ErrorShape
from producers.events import CacheResult, FeedbackKind, Lane

JobStatus = Literal["queued", "running", "cancelling", "completed", "failed", "cancelled", "aborted", "expired"]


class StartIntervalShape(TypedDict):
    """Between when and when a job starts in nine of ten cases."""

    low: int
    high: int


class QueuePlaceShape(TypedDict):
    """Where a job stands in its lane, and when it may start."""

    position: int
    estimated_start_at: int | None
    estimated_start_interval: StartIntervalShape | None


class JobUrlsShape(TypedDict):
    """Where a job is read, followed and cancelled."""

    self: str
    events: str
    cancel: str
    timeline: str


class JobShape(TypedDict):
    """A prompt on its way to its answer. Times are unix seconds."""

    id: str
    object: Literal["job"]
    status: JobStatus
    created_at: int
    started_at: int | None
    finished_at: int | None
    expires_at: int
    model: str
    lane: Lane
    conversation: str | None
    attempt: int
    queue: QueuePlaceShape | None
    result: ChatCompletionShape | None
    error: ErrorShape | None
    usage: CompletionUsageShape | None
    truncated: TruncatedShape | None
    cache: CacheResult | None
    metadata: dict[str, str]
    urls: JobUrlsShape


class JobStatusEventShape(TypedDict, total=False):
    """`event: status`: the fields of the job that changed."""

    status: JobStatus
    started_at: int
    attempt: int


class JobPieceShape(TypedDict):
    """A piece of one choice: text, calls of tools, log-probabilities."""

    text: str
    index: int
    tool_calls: NotRequired[list[FunctionCallShape]]
    logprobs: NotRequired[LogprobsShape]


class JobTokenEventShape(TypedDict):
    """`event: token`: more text; what is not plain text of the first choice says of which choice it is."""

    text: str
    index: NotRequired[int]
    tool_calls: NotRequired[list[FunctionCallShape]]
    logprobs: NotRequired[LogprobsShape]


class JobSnapshotEventShape(TypedDict):
    """`event: snapshot`: all text so far, in place of what was told before."""

    text: str
    pieces: NotRequired[list[JobPieceShape]]


class TimelineStepShape(TypedDict):
    """One step of a job's life, in milliseconds since the epoch, the first step and the step before."""

    step: str
    at_ms: float
    since_received_ms: float
    since_previous_ms: float


class TimelineShape(TypedDict):
    """The steps that a job has taken so far."""

    object: Literal["job.timeline"]
    job_id: str
    status: JobStatus
    steps: list[TimelineStepShape]


class JobPageShape(TypedDict):
    """A page of a list: ask for what follows with `after`, the `last_id` of this one."""

    object: Literal["list"]
    data: list[JobShape]
    first_id: str | None
    last_id: str | None
    has_more: bool


class FeedbackShape(TypedDict):
    """A judgement of an answer."""

    id: str
    object: Literal["feedback"]
    job_id: str
    kind: FeedbackKind
    value: str | float
    comment: str | None
    tags: list[str]
    author: str
    created_at: int
