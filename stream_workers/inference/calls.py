"""Reading the call of a tool out of an answer that a grammar forced into one. Pure."""

import json

from infra.ids import derived_id
from producers.events import ToolCall
from stream_workers.inference.grammars import NO_TOOL


def read(text: str, job_id: str, choice: int) -> ToolCall | None:
    """The call; None where the model chose no tool. Its id follows from the job: an attempt that begins anew keeps it.

    Raises:
        ValueError: the text is no whole call, as one that was cut is not.
    """
    try:
        function = json.loads(text)["function"]
        name = function.pop("_name")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no whole call: {error!r}") from None
    if name == NO_TOOL:
        return None
    arguments = json.dumps(function, separators=(",", ":"), ensure_ascii=False)
    return ToolCall(derived_id("call", f"{job_id}/{choice}"), name, arguments)
