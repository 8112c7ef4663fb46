"""The model's chat template makes one prompt of a conversation."""

import json
from datetime import UTC, datetime
from typing import Any

from jinja2 import Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from infra.clock import Clock
from infra.local.tgi.errors import template_error
from infra.local.tgi.requests.wire import ChatRequest, ContentPart, Message, Tool

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TOOL_PROMPT = (
    "\nGiven the functions available, please respond with a JSON for a function call with its proper arguments that "
    "best answers the given prompt. Respond in the format {name: function name, parameters: dictionary of argument "
    "name and its value}.Do not use variables.\n"
)
END = "<|im_end|>"


def _today(clock: Clock) -> datetime:
    return datetime.fromtimestamp(clock.now_ms() / 1000, UTC)


class Refuses(TemplateError):
    """The template itself says that the messages are wrong."""


def _raise(message: str) -> None:
    raise Refuses(message)


class ChatTemplate:
    """A compiled chat template; a model may come without one."""

    def __init__(self, source: str, clock: Clock) -> None:
        # A prompt is no page: nothing is escaped.
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, autoescape=False)
        environment.globals["raise_exception"] = _raise
        environment.globals["strftime_now"] = lambda form: _today(clock).strftime(form)
        self._template: Template | None = environment.from_string(source) if source else None

    @property
    def missing(self) -> bool:
        """Whether the model came without one."""
        return self._template is None

    def render(self, asked: ChatRequest, tools: list[Tool] | None = None) -> str:
        """The prompt; a last message of the assistant is left open, so that it is continued.

        Args:
            asked: the conversation.
            tools: those the model may call; they are shown behind the last message.

        Raises:
            Refused: the template does not take these messages.
        """
        if self._template is None:
            raise template_error("template not found")
        messages = [_message(each) for each in asked.messages]
        if tools is not None and messages:
            messages[-1]["content"] += _tool_text(tools, asked.tool_prompt)
        continued = bool(messages) and messages[-1]["role"] == "assistant"
        try:
            text = self._template.render(
                messages=messages, add_generation_prompt=not continued, bos_token="", eos_token=END
            )
        except TemplateError as error:
            raise template_error(f"syntax error: {error} (in <string>:1)") from None
        if continued:
            text = text[: text.rfind(messages[-1]["content"]) + len(messages[-1]["content"])]
        return text


def _message(message: Message) -> dict[str, Any]:
    if message.content is None:
        calls = [
            {
                "id": each.id,
                "type": each.type,
                "function": {
                    "description": each.function.description,
                    "name": each.function.name,
                    "arguments": each.function.arguments,
                },
            }
            for each in message.tool_calls or []
        ]
        return {"role": message.role, "content": _compact(calls)}
    if isinstance(message.content, str):
        return {"role": message.role, "content": message.content}
    return {"role": message.role, "content": "".join(_part(each) for each in message.content)}


def _part(part: ContentPart) -> str:
    """A text model sees an image as its Markdown."""
    return f"![]({part.image_url.url})" if part.image_url is not None else part.text or ""


def _tool_text(tools: list[Tool], tool_prompt: str | None) -> str:
    shown = [
        {
            "type": "function",
            "function": {
                "description": each.function.description,
                "name": each.function.name,
                "arguments": _compact(each.function.schema),
            },
        }
        for each in tools
    ]
    return f"\n---\n{_compact(shown)}\n{TOOL_PROMPT if tool_prompt is None else tool_prompt}"


def _compact(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
