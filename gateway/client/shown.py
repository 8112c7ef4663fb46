"""A job's stream as the text a terminal shows: what was printed cannot be taken back, only added to. Pure."""

from typing import Any

import msgspec

from infra.sse import ServerSentEvent

STARTS_OVER = "\n[the answer starts over]\n"


class Shown:
    """What a terminal has shown of one answer so far."""

    def __init__(self) -> None:
        self.text = ""

    def take(self, event: ServerSentEvent) -> str:
        """What to print next, when this event has come."""
        match event.event:
            case "token":
                return self._add(_text(event))
            case "snapshot":
                return self._become(_text(event))
            case "done":
                answer = answer_of(msgspec.json.decode(event.data))
                return "" if answer is None else self._become(answer)
            case _:
                return ""

    def _add(self, text: str) -> str:
        self.text += text
        return text

    def _become(self, whole: str) -> str:
        if whole.startswith(self.text):
            return self._add(whole[len(self.text) :])
        self.text = whole
        return STARTS_OVER + whole


def answer_of(job: dict[str, Any]) -> str | None:
    """The text of a job's answer, or None where it has none."""
    result = job.get("result")
    return result["choices"][0]["message"]["content"] or "" if result else None


def failure_of(job: dict[str, Any]) -> str:
    """One line on why a job has no answer."""
    error = job.get("error") or {}
    said = error.get("message")
    return f"the job {job['id']} is {job['status']}" + (f": {said}" if said else "")


def _text(event: ServerSentEvent) -> str:
    return str(msgspec.json.decode(event.data)["text"])
