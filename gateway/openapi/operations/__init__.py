"""One description a route, by method and path as the table of routes writes them.

To add a route: describe it in the module of its tag (or in a new one, named below), with the type of its body and the
shapes of its answers (`gateway/shapes`); errors, the key, ids in the path and `Idempotency-Key` follow from it.

- `jobs`, `chat`, `responses`, `conversations`, `files`, `administration`: each of its own tag
- `operating`: what is left: models, reports, the process itself, and the pages
"""

from collections.abc import Mapping

from gateway.openapi.operation import Operation
from gateway.openapi.operations import administration, chat, conversations, files, jobs, operating, responses

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    **jobs.OPERATIONS,
    **chat.OPERATIONS,
    **responses.OPERATIONS,
    **conversations.OPERATIONS,
    **administration.OPERATIONS,
    **files.OPERATIONS,
    **operating.OPERATIONS,
}

TAGS: Mapping[str, str] = {
    "Jobs": "Prompts on their way through the log: submit, follow, cancel, judge. Nothing that is accepted is lost.",
    "Chat": "OpenAI's chat completions: the same log, while the client waits.",
    "Responses": "OpenAI's responses, now or in the background.",
    "Conversations": "Sessions and their history; turns run in their order.",
    "Files and batches": "Files of requests, answered on idle capacity.",
    "Models": "What can be asked, and texts as vectors.",
    "Reports": "What was counted, for the caller's own tenant.",
    "Administration": "Keys, tenants and their limits, for keys of the scope `admin`; every act is on record.",
    "Operating": "Whether the process is well, and this document.",
    "Pages": "What people look at; no key is asked for.",
}
