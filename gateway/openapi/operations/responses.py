"""OpenAI's responses (conventions §4 and §5)."""

from collections.abc import Mapping
from typing import Annotated, Final

from msgspec import Meta

from gateway.openapi.operation import (
    CANCEL_AFTER,
    EVENTS,
    INCLUDE,
    JSON,
    LAST_EVENT_ID,
    PAGE,
    Content,
    Operation,
    Reply,
    query,
    replies,
)
from gateway.openapi.operations.chat import FLAG
from gateway.shapes.conversations import ItemPageShape
from gateway.shapes.responses import (
    ResponseCallEventShape,
    ResponseDeletedShape,
    ResponseErrorEventShape,
    ResponseItemEventShape,
    ResponsePartEventShape,
    ResponseShape,
    ResponseTextEventShape,
    ResponseWholeEventShape,
)
from producers.prompts.response_bodies import ResponseBody

_EVENTS: Final = {
    "response.created": ResponseWholeEventShape,
    "response.queued": ResponseWholeEventShape,
    "response.in_progress": ResponseWholeEventShape,
    "response.output_item.added": ResponseItemEventShape,
    "response.content_part.added": ResponsePartEventShape,
    "response.output_text.delta": ResponseTextEventShape,
    "response.output_text.done": ResponseTextEventShape,
    "response.content_part.done": ResponsePartEventShape,
    "response.function_call_arguments.delta": ResponseCallEventShape,
    "response.function_call_arguments.done": ResponseCallEventShape,
    "response.output_item.done": ResponseItemEventShape,
    "response.completed": ResponseWholeEventShape,
    "response.failed": ResponseWholeEventShape,
    "response.incomplete": ResponseWholeEventShape,
    "error": ResponseErrorEventShape,
}
_EITHER: Final = {JSON: Content(ResponseShape), EVENTS: Content(each=_EVENTS)}
_RESPONSE: Final = "/v1/responses/{response_id}"

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("POST", "/v1/responses"): Operation(
        "Responses",
        "Answer, now or in the background",
        {
            200: Reply(
                "The response as it stands: whole, or queued where it is for the background; or a stream of events.",
                _EITHER,
                ("x-job-id",),
            )
        },
        takes=ResponseBody,
        asks=(CANCEL_AFTER,),
        fails=(404, 409, 422, 504),
    ),
    ("GET", _RESPONSE): Operation(
        "Responses",
        "Read a response, or take its stream up",
        {200: Reply("The response as it stands, or with `stream=true` its events.", _EITHER, ("x-job-id",))},
        asks=(
            INCLUDE,
            query("stream", FLAG, "As a stream of events."),
            query(
                "starting_after",
                Annotated[int, Meta(ge=0, lt=10**18)],
                "The `sequence_number` of the last event that you have.",
            ),
            LAST_EVENT_ID,
        ),
        by_ticket=True,
    ),
    ("DELETE", _RESPONSE): Operation(
        "Responses",
        "Delete a response",
        {200: replies(ResponseDeletedShape, "It is gone.")},
        about="One that still runs is cancelled first.",
        fails=(409,),
    ),
    ("POST", f"{_RESPONSE}/cancel"): Operation(
        "Responses", "Cancel a response", {200: replies(ResponseShape, "Its end, by this call or before.")}
    ),
    ("GET", f"{_RESPONSE}/input_items"): Operation(
        "Responses", "What went in", {200: replies(ItemPageShape, "A page of it.")}, asks=(*PAGE, INCLUDE)
    ),
}
