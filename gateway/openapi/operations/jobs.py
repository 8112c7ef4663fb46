"""Jobs (conventions §8)."""

from collections.abc import Mapping
from typing import Final

from gateway.jobs.feedback import AskedFeedback
from gateway.openapi.operation import (
    CANCEL_AFTER,
    EVENTS,
    IF_NONE_MATCH,
    LAST_EVENT_ID,
    PAGE,
    PREFER,
    Content,
    Operation,
    Reply,
    query,
    replies,
)
from gateway.shapes.jobs import (
    FeedbackShape,
    JobPageShape,
    JobShape,
    JobSnapshotEventShape,
    JobStatus,
    JobStatusEventShape,
    JobTokenEventShape,
    TimelineShape,
)
from producers.events import Lane
from producers.prompts.bodies import PromptBody

_EVENTS: Final = {
    "status": JobStatusEventShape,
    "token": JobTokenEventShape,
    "snapshot": JobSnapshotEventShape,
    "done": JobShape,
}

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("POST", "/v1/jobs"): Operation(
        "Jobs",
        "Submit a prompt",
        {
            200: replies(JobShape, "It ended while you were willing to wait.", "Preference-Applied"),
            202: replies(JobShape, "The log holds it.", "Location", "Retry-After", "Preference-Applied"),
        },
        about="The body is that of a chat completion, without `stream`, or has `input`: one message of the user.",
        takes=PromptBody,
        asks=(PREFER, CANCEL_AFTER),
        fails=(404, 409, 422),
    ),
    ("GET", "/v1/jobs"): Operation(
        "Jobs",
        "List jobs",
        {200: replies(JobPageShape, "A page of them.")},
        about="Also by their metadata: `metadata[name]=value`. What is not known here is refused.",
        asks=(
            *PAGE,
            query("status", JobStatus, "Only as they stand so."),
            query("lane", Lane, "Only of this lane."),
            query("model", str, "Only of this model."),
            query("conversation", str, "Only turns of this conversation."),
            query("created_after", str, "Unix seconds, or RFC 3339."),
            query("created_before", str, "Unix seconds, or RFC 3339."),
        ),
    ),
    ("GET", "/v1/jobs/{job_id}"): Operation(
        "Jobs",
        "Read a job",
        {
            200: replies(JobShape, "The job as it stands.", "ETag", "Retry-After"),
            304: Reply("It is as you know it.", headers=("ETag",)),
        },
        asks=(IF_NONE_MATCH,),
        fails=(410,),
    ),
    ("GET", "/v1/jobs/{job_id}/events"): Operation(
        "Jobs",
        "Follow a job",
        {
            200: Reply(
                "Each event has an `id`, strictly increasing; after `Last-Event-ID` nothing is told twice. The last is "
                "`done`.",
                {EVENTS: Content(each=_EVENTS)},
            ),
            204: Reply("It has ended, and you have it all."),
        },
        asks=(LAST_EVENT_ID,),
        fails=(410,),
        by_ticket=True,
    ),
    ("GET", "/v1/jobs/{job_id}/timeline"): Operation(
        "Jobs",
        "The time of each step of a job's life",
        {200: replies(TimelineShape, "The steps taken so far.")},
        fails=(410,),
    ),
    ("POST", "/v1/jobs/{job_id}/cancel"): Operation(
        "Jobs",
        "Cancel a job",
        {
            200: replies(JobShape, "It has ended, by this call or before."),
            202: replies(JobShape, "It runs, and will be stopped."),
        },
        fails=(410,),
    ),
    ("POST", "/v1/jobs/{job_id}/feedback"): Operation(
        "Jobs",
        "Judge an answer",
        {
            200: replies(FeedbackShape, "It replaces what this author said before."),
            201: replies(FeedbackShape, "It is kept."),
        },
        about="The same author and kind again replaces what was said before.",
        takes=AskedFeedback,
        fails=(409, 410),
    ),
}
