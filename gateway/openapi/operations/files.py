"""Files and batches (conventions §6)."""

from collections.abc import Mapping
from typing import Annotated, Final, Required, TypedDict

from msgspec import Meta

from gateway.batches.handlers import AskedBatch
from gateway.files.handlers import MOST_LISTED
from gateway.openapi.operation import PAGE, Content, Operation, Reply, query, replies
from gateway.shapes.files import BatchPageShape, BatchShape, FileDeletedShape, FilePageShape, FileShape
from producers.events import FilePurpose
from producers.files.store import LONGEST_LIFE_S, SHORTEST_LIFE_S

_FILE: Final = "/v1/files/{file_id}"
_BATCH: Final = "/v1/batches/{batch_id}"
_OF_FILES: Final = (
    PAGE[0],
    query(
        "limit", Annotated[int, Meta(ge=1, le=MOST_LISTED)], "How many at most; 1,000 at a time.", default=MOST_LISTED
    ),
    PAGE[2],
    query("purpose", FilePurpose, "Only those for this."),
)

UploadForm = TypedDict(
    "UploadForm",
    {
        "file": Required[Annotated[str, Meta(extra_json_schema={"format": "binary"})]],
        "purpose": Required[Annotated[str, Meta(extra_json_schema={"enum": ["batch"]})]],
        "expires_after[anchor]": Annotated[str, Meta(extra_json_schema={"enum": ["created_at"]})],
        "expires_after[seconds]": Annotated[int, Meta(ge=SHORTEST_LIFE_S, le=LONGEST_LIFE_S)],
    },
    total=False,
)
"""The form of an upload; its handler reads it as it comes, so that no type of its own describes it."""

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("POST", "/v1/files"): Operation(
        "Files and batches",
        "Upload a file",
        {200: replies(FileShape, "It is stored, and the log knows of it.")},
        about="JSON Lines, one request a line.",
        takes_as={"multipart/form-data": Content(UploadForm)},
    ),
    ("GET", "/v1/files"): Operation(
        "Files and batches", "List files", {200: replies(FilePageShape, "A page of them.")}, asks=_OF_FILES
    ),
    ("GET", _FILE): Operation("Files and batches", "Read what is known of a file", {200: replies(FileShape, "That.")}),
    ("DELETE", _FILE): Operation(
        "Files and batches", "Delete a file", {200: replies(FileDeletedShape, "It is gone.")}, fails=(409,)
    ),
    ("GET", f"{_FILE}/content"): Operation(
        "Files and batches",
        "Download a file",
        {200: Reply("Its bytes.", {"application/octet-stream": Content(binary=True)})},
    ),
    ("POST", "/v1/batches"): Operation(
        "Files and batches",
        "Have every line of a file answered",
        {200: replies(BatchShape, "The log holds it.")},
        about="On capacity that nobody else needs, within a day; the order of the output's lines is not promised.",
        takes=AskedBatch,
        fails=(404,),
    ),
    ("GET", "/v1/batches"): Operation(
        "Files and batches", "List batches", {200: replies(BatchPageShape, "A page of them.")}, asks=PAGE
    ),
    ("GET", _BATCH): Operation("Files and batches", "Read a batch", {200: replies(BatchShape, "As it stands.")}),
    ("POST", f"{_BATCH}/cancel"): Operation(
        "Files and batches",
        "Cancel a batch",
        {200: replies(BatchShape, "As it stands; what was answered is kept.")},
        fails=(409,),
    ),
}
