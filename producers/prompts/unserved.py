"""What OpenAI knows and we do not serve: refused by name, unless it asks for nothing. Pure."""

from collections.abc import Mapping
from typing import Any

from infra.errors import WrongField
from producers.prompts.bodies import MessageBody, PromptBody

# Fields of OpenAI's that we do not serve, and what else than null asks for nothing.
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "logit_bias": ({},),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "modalities": (["text"], []),
    "audio": (),
    "prediction": (),
    "reasoning_effort": ("none",),
    "verbosity": ("medium",),
    "web_search_options": (),
    "prompt_cache_options": ({}, {"mode": "implicit"}),
    "moderation": (),
    "service_tier": ("auto", "default"),
}
WHY: dict[str, str] = {
    "logit_bias": "the model server takes no biases of single tokens",
    "functions": "send tools",
    "function_call": "send tool_choice",
    "modalities": "answers are text",
    "audio": "answers are text",
    "prediction": "answers are always generated anew",
    "reasoning_effort": "models here do not reason apart from their answers",
    "reasoning": "models here do not reason apart from their answers",
    "verbosity": "say in the prompt how long the answer is to be",
    "web_search_options": "nothing is searched",
    "prompt_cache_options": "which prefixes are cached is the model server's affair",
    "moderation": "prompts and answers are judged as the operator says",
    "service_tier": "there is one tier, default; lane says how much of a hurry there is",
    "max_tool_calls": "no tools are called on this side",
    "prompt": "no prompts are stored here; send input",
    "context_management": "send truncation",
    "background_options": "lane and deadline say how much of a hurry there is",
    "access_programs": "there are none",
    "image": "answers are text",
    "allowed_callers": "the model alone calls tools",
    "defer_loading": "all tools are shown to the model",
    "output_schema": "results of tools are taken as they come",
    "caller": "the model alone calls tools",
    "namespace": "functions are known by their names alone",
    "async_": "calls are answered by the next prompt",
    "async__": "calls are answered by the next prompt",
}
NEUTRAL_IN_MESSAGE: dict[str, tuple[Any, ...]] = {
    "refusal": ("",),
    "audio": (),
    "annotations": ([],),
    "function_call": (),
}


def refuse(asked: PromptBody) -> None:
    """Let a body pass that asks for nothing we do not serve.

    Raises:
        WrongField: names it.
    """
    refuse_all(asked, NEUTRAL)


def refuse_all(asked: Any, neutral: Mapping[str, tuple[Any, ...]], where: str = "") -> None:
    """The same for fields that are given by name, each with what else than null asks for nothing.

    Raises:
        WrongField: names it.
    """
    for name, nothing in neutral.items():
        value = getattr(asked, name)
        if value is not None and not _is_one_of(value, nothing):
            field = name.removesuffix("_")  # of what Python has another use for
            raise _not_supported(f"{where}.{field}" if where else field, name)


def refuse_in_message(where: str, message: MessageBody) -> None:
    """The same for one message, which stands at `where`.

    Raises:
        WrongField: names it.
    """
    refuse_all(message, NEUTRAL_IN_MESSAGE, where)


def _not_supported(field: str, name: str) -> WrongField:
    return WrongField(
        f"{field} is not supported here: {why}." if (why := WHY.get(name)) else f"{field} is not supported here.", field
    )


def _is_one_of(value: Any, neutral: tuple[Any, ...]) -> bool:
    if isinstance(value, dict):
        value = {key: each for key, each in value.items() if each is not None}
    # 0 == False in Python, but not in JSON.
    return any(value == each and type(value) is type(each) for each in neutral)
