"""Chat completions (conventions §1 and §2)."""

from collections.abc import Mapping
from typing import Final, Literal

from gateway.chat.stored import AskedMetadata
from gateway.openapi.operation import (
    CANCEL_AFTER,
    EVENTS,
    JSON,
    LAST_EVENT_ID,
    PAGE_FROM_OLDEST,
    Content,
    Operation,
    Reply,
    header,
    query,
    replies,
)
from gateway.shapes.answers import (
    ChatCompletionChunkShape,
    ChatCompletionShape,
    CompletionDeletedShape,
    StoredCompletionPageShape,
    StoredCompletionShape,
    StoredMessagePageShape,
    StreamErrorShape,
)
from gateway.shapes.jobs import JobShape
from producers.prompts.bodies import PromptBody

FLAG = Literal["true", "false", "1", "0"]
_CHUNKS: Final = {EVENTS: Content(each={"data": ChatCompletionChunkShape, "error": StreamErrorShape})}
_EITHER: Final = {JSON: Content(ChatCompletionShape), **_CHUNKS}
_LATER: Final = {JSON: Content(StoredCompletionShape), **_CHUNKS}

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("POST", "/v1/chat/completions"): Operation(
        "Chat",
        "Answer a prompt",
        {
            200: Reply(
                "The answer, whole or as a stream that ends with `data: [DONE]`.",
                _EITHER,
                ("x-job-id", "Preference-Applied"),
            ),
            202: replies(JobShape, "It became a job (`Prefer: respond-async`).", "Location", "Retry-After"),
        },
        about="OpenAI's request and answer; `docs/how-to/openai-clients.md` says what each parameter does.",
        takes=PromptBody,
        asks=(
            header("Prefer", str, "`respond-async` makes a job of it (202); `wait=n` then waits for its end."),
            CANCEL_AFTER,
        ),
        fails=(404, 409, 422, 504),
    ),
    ("GET", "/v1/chat/completions/{completion_id}"): Operation(
        "Chat",
        "Read an answer again, or take its stream up",
        {
            200: Reply("The answer, or with `stream=true` what follows the last event.", _LATER, ("x-job-id",)),
            204: Reply("The stream has ended, and you have it all."),
        },
        asks=(
            query("stream", FLAG, "As a stream."),
            query("include_usage", FLAG, "With the usage in its last chunk."),
            LAST_EVENT_ID,
        ),
        fails=(409, 410, 504),
        by_ticket=True,
    ),
    ("GET", "/v1/chat/completions"): Operation(
        "Chat",
        "List stored answers",
        {200: replies(StoredCompletionPageShape, "A page of them.")},
        about="Those that were asked for with `store: true`, also by their metadata: `metadata[name]=value`. "
        "What is not known here is refused.",
        asks=(*PAGE_FROM_OLDEST, query("model", str, "Only of this model.")),
    ),
    ("POST", "/v1/chat/completions/{completion_id}"): Operation(
        "Chat",
        "Change an answer's metadata",
        {200: replies(StoredCompletionShape, "It is changed.")},
        takes=AskedMetadata,
        fails=(409, 410, 504),
    ),
    ("GET", "/v1/chat/completions/{completion_id}/messages"): Operation(
        "Chat",
        "List the messages that were answered",
        {200: replies(StoredMessagePageShape, "A page of them.")},
        about="As they were sent: of a conversation the new turn only.",
        asks=PAGE_FROM_OLDEST,
        fails=(410,),
    ),
    ("DELETE", "/v1/chat/completions/{completion_id}"): Operation(
        "Chat",
        "Delete an answer",
        {200: replies(CompletionDeletedShape, "It is gone.")},
        about="It is gone from the API, as its job is; one that is still being made is 409.",
        fails=(409, 410),
    ),
}
