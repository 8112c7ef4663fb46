"""Files and batches (conventions §6)."""

from typing import Literal, TypedDict

from gateway.shapes.responses import ReasoningTokensShape
from producers.batches.store import Status
from producers.events import FilePurpose


class FileShape(TypedDict):
    """A file that was uploaded, or that a batch has written."""

    id: str
    object: Literal["file"]
    bytes: int
    created_at: int
    expires_at: int
    filename: str
    purpose: FilePurpose
    status: Literal["processed"]


class FileDeletedShape(TypedDict):
    """A file that is gone."""

    id: str
    object: Literal["file"]
    deleted: bool


class FilePageShape(TypedDict):
    """A page of a list: ask for what follows with `after`."""

    object: Literal["list"]
    data: list[FileShape]
    first_id: str | None
    last_id: str | None
    has_more: bool


class LineErrorShape(TypedDict):
    """What is wrong in a line of a batch's file."""

    code: str
    message: str
    param: str | None
    line: int | None


class LineErrorsShape(TypedDict):
    """Why a batch was not begun."""

    object: Literal["list"]
    data: list[LineErrorShape]


class LineCountsShape(TypedDict):
    """How many lines there are, and how they ended."""

    total: int
    completed: int
    failed: int


class CachedInputShape(TypedDict):
    """Of the tokens in."""

    cached_tokens: int


class BatchUsageShape(TypedDict):
    """Tokens in and out of all lines."""

    input_tokens: int
    input_tokens_details: CachedInputShape
    output_tokens: int
    output_tokens_details: ReasoningTokensShape
    total_tokens: int


class BatchShape(TypedDict):
    """A file of requests, answered line by line. Times are unix seconds."""

    id: str
    object: Literal["batch"]
    endpoint: str
    model: str | None
    errors: LineErrorsShape | None
    input_file_id: str
    completion_window: Literal["24h"]
    status: Status
    output_file_id: str | None
    error_file_id: str | None
    created_at: int
    in_progress_at: int | None
    expires_at: int
    finalizing_at: int | None
    completed_at: int | None
    failed_at: int | None
    expired_at: int | None
    cancelling_at: int | None
    cancelled_at: int | None
    request_counts: LineCountsShape
    usage: BatchUsageShape | None
    metadata: dict[str, str] | None


class BatchPageShape(TypedDict):
    """A page of a list: ask for what follows with `after`."""

    object: Literal["list"]
    data: list[BatchShape]
    first_id: str | None
    last_id: str | None
    has_more: bool
